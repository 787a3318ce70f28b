// The bench's runs as small charts: of the file that `make bench` adds to, which the reader opens here.
// The server knows nothing of them.

import { signal } from "@preact/signals";

import { type Run, readRuns } from "../runs";
import { clock, day, number, t } from "../text";
import { path } from "../timeline";

const runs = signal<readonly Run[] | null>(null);

const shown = 40;

export function BenchRuns() {
  const open = async (file: File | undefined) => {
    if (file) runs.value = readRuns(await file.text());
  };
  const list = runs.value?.slice(-shown) ?? [];
  return (
    <details>
      <summary>{t("runs.title")}</summary>
      <label class="field"><span>{t("runs.file")}</span>
        <input type="file" accept=".jsonl,.json" onChange={(e) => void open(e.currentTarget.files?.[0])} /></label>
      {runs.value !== null && list.length === 0 && <p class="bad" role="alert">{t("runs.none")}</p>}
      {list.length > 0 && (
        <>
          <div class="sparks">
            <Chart title={t("runs.score")} values={list.map((r) => r.score)} />
            <Chart title={t("runs.errors")} values={list.map((r) => r.errors)} />
          </div>
          <ul class="rows">
            {list.slice(-5).toReversed().map((r) => <li key={r.started}><span class="quiet">{day(r.started)} {clock(r.started)}</span><b class={r.pass ? "" : "bad"}>{number(r.score)}{r.pass ? "" : ` · ${t("runs.failed")}`}</b></li>)}
          </ul>
        </>
      )}
    </details>
  );
}

function Chart({ title, values }: { title: string; values: readonly number[] }) {
  const top = Math.max(1, ...values);
  const step = 160 / Math.max(1, values.length - 1);
  return (
    <figure class="spark">
      <figcaption>{title}</figcaption>
      <b>{number(values.at(-1)!)}</b>
      <svg viewBox="0 0 160 28" preserveAspectRatio="none" aria-hidden="true"><path d={path(values.map((v, n) => ({ x: n * step, y: 28 * (1 - v / top) })))} /></svg>
      <span class="quiet">{t("server.most", { value: number(Math.max(...values)) })}</span>
    </figure>
  );
}
