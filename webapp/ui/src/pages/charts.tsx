// The operator's charts: what happened in the city, as QuestDB answers.

import { useEffect } from "preact/hooks";

import { type Format, type Table, Bars, Heat, Lines, roundTimes, ticks } from "../chart";
import { type Answer, type Question, type Text, answers, filled, questions, span, spans, trouble, watch } from "../charts";
import type { Word } from "../en";
import { leave, token } from "../operator";
import { language, number, t, yen } from "../text";
import { Enter } from "./operator";

export function ChartsPage() {
  const as = token.value;
  const of = span.value;
  useEffect(() => (as ? watch(as, of) : undefined), [as, of]);
  if (!as) return <main class="charts"><div class="card enter"><Enter /></div></main>;
  return (
    <main class="charts">
      <header>
        <h1>{t("charts.title")}</h1>
        <div role="group" aria-label={t("charts.span")}>
          {spans.map((s) => <button key={s} class="chip" aria-pressed={s === of} onClick={() => (span.value = s)}>{t(`charts.span.${s}`)}</button>)}
        </div>
        <button class="link" onClick={leave}>{t("ride.leave")}</button>
      </header>
      {trouble.value !== null && <Trouble message={trouble.value} />}
      <div class="all" hidden={trouble.value !== null && answers.value.size === 0}>{questions.value.map((q) => <Card key={q.name} question={q} answer={answers.value.get(q.name)} />)}</div>
    </main>
  );
}

function Trouble({ message }: { message: string }) {
  return (
    <div class="card trouble" role="status">
      <p><strong>{t("charts.trouble")}</strong></p>
      {message && <p lang="en">{message}</p>}
      <p class="quiet">{t("charts.start")}</p>
    </div>
  );
}

const said = (text: Text) => text[language.value];

function Card({ question: q, answer: a }: { question: Question; answer: Answer | undefined }) {
  const rows = a ? filled(q, a) : [];
  return (
    <section class="card" aria-labelledby={`chart-${q.name}`}>
      <h2 id={`chart-${q.name}`}>{said(q.title)}</h2>
      <p class="quiet">{said(q.about)}</p>
      {rows.length === 0 ? <p class="none quiet">{a ? t("charts.none") : trouble.value === null ? t("charts.asking") : t("charts.unanswered")}</p> : <Drawn question={q} answer={a!} rows={rows} />}
    </section>
  );
}

const cellSize = 20; // of the questions about places

function Drawn({ question: q, answer: a, rows }: { question: Question; answer: Answer; rows: Table["rows"] }) {
  const axes = q.chart === "heat" ? [t("charts.x"), t("charts.y")] : [a.columns[0] === "time" ? t("charts.time") : a.columns[0] === "seconds" ? t("charts.waited") : t("charts.which")];
  const table: Table = { axes, series: q.columns.map((c) => said(c.label)), rows: q.chart === "bars" ? rows.map(([name, ...values]) => [nameOf(name!), ...values]) : rows };
  const times = a.columns[0] === "time";
  const format: Format = { value: (v) => valueOf(q.unit, v), tick: (v) => short(v), axis: times ? moment(a.until - a.from, true) : (v) => valueOf("s", v), mark: times ? moment(a.until - a.from, false) : (v) => valueOf("s", v), gap: "–" };
  const label = `${said(q.title)}: ${said(q.about)}`;
  const ends = times ? [Number(rows[0]![0]), Number(rows.at(-1)![0])] : [0, Math.max(1, ...rows.map((r) => Number(r[0])))];
  return (
    <>
      {q.chart === "lines" && <Lines table={table} format={format} from={ends[0]!} to={ends[1]!} marks={(most) => (times ? roundTimes(ends[0]!, ends[1]!, most) : ticks(ends[1]!, most).filter((v) => v <= ends[1]!))} label={label} />}
      {q.chart === "bars" && <Bars table={table} format={format} label={label} />}
      {q.chart === "heat" && <Heat table={table} format={format} size={cellSize} label={label} />}
      <details>
        <summary>{t("charts.table")}</summary>
        <Values table={table} format={format} times={q.chart === "lines"} name={said(q.title)} />
      </details>
    </>
  );
}

function Values({ table, format, times, name }: { table: Table; format: Format; times: boolean; name: string }) {
  const names = [...table.axes, ...table.series];
  return (
    <div class="values" tabIndex={0} role="group" aria-label={name}>
      <table>
        <thead><tr>{names.map((h, i) => <th key={h} scope="col" class={i < table.axes.length ? "" : "figure"}>{h}</th>)}</tr></thead>
        <tbody>
          {table.rows.toReversed().map((r) => (
            <tr key={r.slice(0, table.axes.length).join()}>
              {r.map((v, i) => (i < table.axes.length ? <th key={names[i]} scope="row">{times ? format.axis(Number(v)) : v}</th>
                : <td key={names[i]} class="figure">{typeof v === "number" ? format.value(v) : format.gap}</td>))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// nameOf translates what is a status of a ride; other names are the city's own.
function nameOf(name: string | number): string {
  const statuses = ["MATCHING", "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED"];
  return statuses.includes(String(name)) ? t(`status.${name}` as Word) : String(name);
}

const rounded = (v: number) => (v >= 100 ? Math.round(v) : Math.round(v * 10) / 10);

function valueOf(unit: Question["unit"], v: number): string {
  switch (unit) {
    case "yen": return yen(v);
    case "%": return `${number(rounded(v))} %`;
    case "s": return t("seconds", { n: rounded(v) });
    case "ticks": return t("charts.ticks", { n: rounded(v) });
    default: return number(v);
  }
}

const short = (v: number) => new Intl.NumberFormat(language.value, { notation: "compact", maximumFractionDigits: 1 }).format(v);

// moment writes a time as closely as a span needs.
function moment(spanMs: number, exact: boolean): (ms: number) => string {
  let style: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  if (spanMs <= 900_000 && exact) style = { ...style, second: "2-digit" };
  if (spanMs > 86_400_000) style = { month: "numeric", day: "numeric", ...(exact ? style : {}) };
  const format = new Intl.DateTimeFormat(language.value, { ...style, hour12: false });
  return (ms) => format.format(ms);
}
