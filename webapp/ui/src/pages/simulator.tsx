// The simulator's panel, beside the map.

import { Sheet } from "../sheet";
import { type Settings, Simulator, progress, settings } from "../simulator";
import type { Word } from "../en";
import { number, t } from "../text";
import { TroublePanel } from "./trouble";

let running: Simulator | null = null;

// startCity is also what the empty map offers.
export async function startCity(): Promise<void> {
  if (running) return;
  running = new Simulator();
  await running.start();
}

async function stopCity(): Promise<void> {
  const simulator = running;
  running = null;
  await simulator?.stop();
}

const sliders: readonly { name: keyof Settings; word: Word; low: number; high: number; step: number }[] = [
  { name: "chairs", word: "simulator.chairs", low: 1, high: 500, step: 1 },
  { name: "riders", word: "simulator.riders", low: 1, high: 500, step: 1 },
  { name: "demand", word: "simulator.demand", low: 0.5, high: 30, step: 0.5 },
  { name: "pace", word: "simulator.pace", low: 0.25, high: 4, step: 0.25 },
  { name: "patience", word: "simulator.patience", low: 1, high: 120, step: 1 },
];

export function SimulatorPanel() {
  const p = progress.value;
  return (
    <Sheet>
      <h2>{t("simulator.title")}</h2>
      <p class="quiet">{t("simulator.text")}</p>
      {p.state === "idle" && <button class="primary" onClick={() => void startCity()}>{t("simulator.start")}</button>}
      {(p.state === "running" || p.state === "starting") && <button class="primary" onClick={() => void stopCity()}>{t("simulator.stop")}</button>}
      {p.state === "stopping" && <p role="status">{t("simulator.stopping")}</p>}
      {sliders.map((s) => <Slider key={s.name} {...s} />)}
      {p.state !== "idle" && (
        <dl class="pairs">
          <dt>{t("simulator.chairs")}</dt><dd>{number(p.chairs)}</dd>
          <dt>{t("simulator.riders")}</dt><dd>{number(p.riders)}</dd>
          <dt>{t("simulator.rides")}</dt><dd>{number(p.rides)}</dd>
          <dt>{t("simulator.gaveUp")}</dt><dd>{number(p.gaveUp)}</dd>
          <dt>{t("simulator.refused")}</dt><dd>{number(p.refused)}</dd>
        </dl>
      )}
      {p.trouble && <p class="bad" role="alert">{t("simulator.trouble", { text: p.trouble })}</p>}
      <TroublePanel />
    </Sheet>
  );
}

function Slider({ name, word, low, high, step }: (typeof sliders)[number]) {
  const value = settings.value[name];
  return (
    <label class="slider">
      <span>{t(word)}</span>
      <span class="value">{number(value)}</span>
      <input type="range" min={low} max={high} step={step} value={value}
        onInput={(e) => (settings.value = { ...settings.value, [name]: e.currentTarget.valueAsNumber })} />
    </label>
  );
}
