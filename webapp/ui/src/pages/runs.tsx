// The bench's runs as small charts: of the file that `make bench` adds to, which the reader opens here.
// The server knows nothing of them.

import { signal } from "@preact/signals";

import { Spark, sparkBox } from "../chart";
import { type Run, readRuns } from "../runs";
import { clock, day, number, t } from "../text";

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
            <Course title={t("runs.score")} values={list.map((r) => r.score)} />
            <Course title={t("runs.errors")} values={list.map((r) => r.errors)} />
          </div>
          <ul class="rows">
            {list.slice(-5).toReversed().map((r) => <li key={r.started}><span class="quiet">{day(r.started)} {clock(r.started)}</span><b class={r.pass ? "" : "bad"}>{number(r.score)}{r.pass ? "" : ` · ${t("runs.failed")}`}</b></li>)}
          </ul>
        </>
      )}
    </details>
  );
}

function Course({ title, values }: { title: string; values: readonly number[] }) {
  const top = Math.max(1, ...values);
  const step = sparkBox.width / Math.max(1, values.length - 1);
  const points = values.map((v, n) => [n * step, sparkBox.height * (1 - v / top)] as const);
  return <Spark title={title} value={number(values.at(-1)!)} points={points} note={t("server.most", { value: number(Math.max(...values)) })} />;
}
