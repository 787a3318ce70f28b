// The city: map, figures of the moment, and what is known of what was selected.

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { type Row, City, type Counts } from "../city";
import { type Frame, link, subscribe } from "../connection";
import { type Selection, densityLimit, trailLimit } from "../draw";
import type { Point } from "../geometry";
import { CityMap, type MapHandle } from "../map";
import type { Page } from "../route";
import { account, cityID, estimate, journey, ride } from "../rider";
import { progress } from "../simulator";
import { clock, number, t } from "../text";
import { stillness } from "../theme";
import { FleetPanel } from "./fleet";
import { RidePanel } from "./ride";
import { SimulatorPanel, startCity } from "./simulator";

const counts = signal<Counts | null>(null);
const selected = signal<Selection | null>(null);
const heat = signal(false);
const trails = signal(true);
const asTable = signal(false);

export function CityPage({ page }: { page: Page }) {
  const city = useMemo(() => new City(), []);
  const map = useRef<MapHandle>();
  useEffect(() => subscribe({ table: "city" }, (group, tables) => applyTo(city, group, tables.get("city"))), []);
  useEffect(() => {
    const timer = setInterval(() => (counts.value = city.counts(Date.now())), 500);
    return () => clearInterval(timer);
  }, []);
  return (
    <main class="city">
      <CityMap
        city={city}
        layers={{ heat: heat.value, trails: trails.value, motion: !stillness.value }}
        selected={page === "ride" ? (cityID.value ? { ride: cityID.value } : null) : selected.value}
        now={Date.now}
        onPick={picking(page)}
        pins={page === "ride" && account.value?.paying && !underway() ? [journey.value.from, journey.value.to] : undefined}
        onSelect={(s) => (selected.value = s)}
        handle={(h) => (map.current = h)}
      />
      <Rail counts={counts.value} />
      <Notes counts={counts.value} />
      <Tools map={() => map.current} />
      <Legend />
      {page === "ride" && <RidePanel />}
      {page === "fleet" && <FleetPanel onShow={(chair) => (selected.value = { chair })} />}
      {page === "simulator" && !selected.value && <SimulatorPanel />}
      {selected.value && (page === "city" || page === "simulator") && <Drawer city={city} selection={selected.value} />}
      {counts.value && link.value.state === "live" && counts.value.chairs === 0 && progress.value.state === "idle" && page === "city" && <Empty />}
    </main>
  );
}

function underway(): boolean {
  return ride.value !== null && ride.value.status !== "COMPLETED";
}

// picking lets a rider press on the map where the journey begins, then where it ends.
function picking(page: Page): ((p: Point) => void) | undefined {
  if (page !== "ride" || !account.value?.paying || underway()) return undefined;
  return (p) => {
    const place = { x: Math.round(p.x), y: Math.round(p.y) };
    const { to } = journey.value;
    journey.value = nextPick.value === "from" ? { from: place, to } : { from: journey.value.from, to: place };
    nextPick.value = nextPick.value === "from" ? "to" : "from";
    estimate.value = null;
  };
}

const nextPick = signal<"from" | "to">("to");

// applyTo brings the drawn city up to a group of frames. A partial replaces it by the copy.
function applyTo(city: City, group: readonly Frame[], copy: ReadonlyMap<string, object> | undefined): void {
  const now = Date.now();
  if (group.some((f) => f.action === "partial")) {
    city.replace([...(copy?.values() ?? [])] as Row[], now);
    return;
  }
  for (const frame of group) {
    for (const row of (frame.data ?? []) as unknown as Row[]) {
      if (frame.action === "delete") city.drop(row.id, now);
      else city.put(row, now);
    }
  }
}

function Rail({ counts: c }: { counts: Counts | null }) {
  const figure = (n: number | undefined) => (n === undefined ? "–" : number(n));
  return (
    <dl class="rail">
      <div><dt>{t("count.riding")}</dt><dd>{figure(c?.riding)}</dd></div>
      <div><dt>{t("count.waiting")}</dt><dd>{figure(c?.waiting)}</dd></div>
      <div><dt>{t("count.oldest")}</dt><dd>{c ? t("seconds", { n: Math.round(c.oldest) }) : "–"}</dd></div>
      <div><dt>{t("count.free")}</dt><dd>{figure(c?.free)}</dd></div>
      <div><dt>{t("count.chairs")}</dt><dd>{figure(c?.chairs)}</dd></div>
      <div><dt>{t("count.perMinute")}</dt><dd>{figure(c?.perMinute)}</dd></div>
    </dl>
  );
}

function Notes({ counts: c }: { counts: Counts | null }) {
  const { state, heard } = link.value;
  if (state === "connecting") return <p class="note" role="status">{t("feed.connecting")}</p>;
  if (state === "lost") return <p class="note bad" role="status">{heard ? t("feed.lost", { time: clock(heard) }) : t("feed.never")}</p>;
  if (c && c.chairs + c.off > densityLimit) return <p class="note">{t("map.density")}</p>;
  if (c && c.chairs + c.off > trailLimit) return <p class="note">{t("map.noTrails")}</p>;
  return null;
}

function Tools({ map }: { map: () => MapHandle | undefined }) {
  return (
    <div class="tools">
      <button onClick={() => map()?.zoom(1.4)} aria-label={t("map.closer")}>+</button>
      <button onClick={() => map()?.zoom(1 / 1.4)} aria-label={t("map.farther")}>−</button>
      <button onClick={() => map()?.show(0)} aria-label={t("town.chairtown")}>1</button>
      <button onClick={() => map()?.show(1)} aria-label={t("town.koshikake")}>2</button>
      <button onClick={() => map()?.show("all")} aria-label={t("map.both")}>0</button>
      <button aria-pressed={heat.value} onClick={() => (heat.value = !heat.value)}>{t("map.heat")}</button>
      <button aria-pressed={trails.value} onClick={() => (trails.value = !trails.value)}>{t("map.trails")}</button>
      <button aria-pressed={asTable.value} onClick={() => (asTable.value = !asTable.value)}>{t("map.table")}</button>
    </div>
  );
}

function Legend() {
  return (
    <ul class="legend">
      <li><svg viewBox="0 0 14 14"><circle cx="7" cy="7" r="5" fill="var(--free)" /></svg>{t("legend.free")}</li>
      <li><svg viewBox="0 0 14 14"><path d="M13 7 3 2v10z" fill="none" stroke="var(--coming)" stroke-width="2" /></svg>{t("legend.coming")}</li>
      <li><svg viewBox="0 0 14 14"><path d="M11 7 4 3.5v7z" fill="var(--carrying)" /><circle cx="7" cy="7" r="6.5" fill="none" stroke="var(--carrying)" /></svg>{t("legend.carrying")}</li>
      <li><svg viewBox="0 0 14 14"><rect x="3" y="3" width="8" height="8" fill="none" stroke="var(--off)" stroke-width="1.5" /></svg>{t("legend.off")}</li>
      <li><svg viewBox="0 0 14 14"><circle cx="7" cy="7" r="5" fill="var(--wait-1)" stroke="var(--ink)" /></svg>{t("legend.waiting")}</li>
    </ul>
  );
}

function Empty() {
  return (
    <section class="card empty">
      <h1>{t("empty.title")}</h1>
      <p>{t("empty.text")}</p>
      <button class="primary" onClick={() => void startCity()}>{t("empty.button")}</button>
    </section>
  );
}

function Drawer({ city, selection }: { city: City; selection: Selection }) {
  counts.value; // twice a second
  const chair = selection.chair ? city.chairs.get(selection.chair) : undefined;
  const ride = selection.ride ? city.rides.get(selection.ride) : (chair?.ride ?? undefined);
  const now = Date.now();
  return (
    <aside class="card drawer">
      <h2>
        {chair ? t("chair.title") : t("ride.title")}
        <button class="plain" onClick={() => (selected.value = null)} aria-label={t("close")}>×</button>
      </h2>
      {chair && (
        <dl class="pairs">
          <dt>{t("chair.state")}</dt><dd>{t(`legend.${chair.look}`)}</dd>
          <dt>{t("chair.speed")}</dt><dd>{t("chair.speedUnit", { n: chair.speed })}</dd>
          {chair.known && <><dt>{t("chair.place")}</dt><dd>{chair.target.y}, {chair.target.x}</dd></>}
        </dl>
      )}
      {ride && (
        <dl class="pairs">
          <dt>{t("ride.title")}</dt><dd>{t(`status.${ride.status}`)}</dd>
          <dt>{t("ride.since")}</dt><dd>{t("ago", { n: Math.round((now - ride.since) / 1000) })}</dd>
          <dt>{t("ride.asked")}</dt><dd>{t("ago", { n: Math.round((now - ride.asked) / 1000) })}</dd>
          {!ride.chair && <><dt>{t("ride.chair")}</dt><dd>{t("ride.none")}</dd></>}
        </dl>
      )}
    </aside>
  );
}
