// How the server does: a few words for everybody beside the map, and all of it for operators.

import { Spark, sparkBox } from "../chart";
import { type Endpoint, type Moment, type Server, past, queues, server } from "../server";
import { clock, number, t, yen } from "../text";
import { line } from "../timeline";

const milliseconds = (ms: number | null): string => (ms === null ? "–" : t("ms", { n: rounded(ms) }));
const rounded = (n: number): number => Math.round(n * (n < 1 ? 100 : n < 10 ? 10 : 1)) / (n < 1 ? 100 : n < 10 ? 10 : 1);
const lag = (seconds: number): string => t("seconds", { n: Math.round(seconds * 10) / 10 });

// good says whether everything is as it should be, as far as the public may know.
const good = (s: Server): boolean => s.balanced && s.shedding === 0 && s.sql_lag < 5 && (s.replicas === null || s.replicas.in_step === s.replicas.all);

// Health is what everybody may see.
export function Health() {
  const s = server.value;
  if (!s) return null;
  const fact = (name: string, value: string, bad = false) => <div class={bad ? "bad" : ""}><dt>{name}</dt><dd>{value}</dd></div>;
  return (
    <dl class={`health ${good(s) ? "" : "ill"}`} aria-label={t("server.title")}>
      {fact(t("server.reportP99"), milliseconds(s.report_p99))}
      {fact(t("server.sql"), lag(s.sql_lag), s.sql_lag >= 5)}
      {fact(t("server.journal"), number(s.unsynced))}
      {fact(t("server.replicas"), s.replicas ? t("server.of", { n: s.replicas.in_step, all: s.replicas.all }) : "1", s.replicas !== null && s.replicas.in_step < s.replicas.all)}
      {fact(t("server.shedding"), s.shedding > 0 ? `${number(Math.ceil(100 * s.shedding))} %` : t("server.none"), s.shedding > 0)}
      {fact(t("server.balance"), s.balanced ? "± 0 ✓" : t("server.closed"), !s.balanced)}
    </dl>
  );
}

// Vitals are what an operator looks at first.
export function Vitals({ now }: { now: number }) {
  const s = server.value;
  if (!s?.queues) return null;
  return (
    <>
      <section aria-label={t("server.alerts")}>
        {(s.alerts ?? []).length === 0 ? <p class="well">{t("server.well", { name: s.name })}</p> : s.alerts!.map((a) => <p key={a} class="bad" role="alert">{a}</p>)}
      </section>
      <div class="sparks">
        <Past title={t("server.requests")} of={(m) => m.requests} now={now} show={(v) => number(Math.round(v))} />
        <Past title={t("server.reportP99ms")} of={(m) => m.report_p99} now={now} show={(v) => number(Math.round(v * 10) / 10)} />
        <Past title={t("server.sqlSeconds")} of={(m) => m.sql_lag} now={now} show={(v) => number(Math.round(v * 10) / 10)} />
        <Past title={t("server.unsynced")} of={(m) => m.unsynced} now={now} show={(v) => number(v)} />
      </div>
    </>
  );
}

// Details are the rest of what operators see.
export function Details() {
  const s = server.value;
  if (!s?.queues || !s.books) return null;
  return (
    <>
      <Endpoints all={s.endpoints ?? []} />
      <details>
        <summary>{t("server.queues")}</summary>
        <dl class="pairs">
          {queues.map((q) => <><dt>{t(`queue.${q}`)}</dt><dd>{number(s.queues![q])}</dd></>)}
          <dt>{t("queue.snapshot")}</dt><dd>{s.queues.snapshot_bytes === 0 ? t("server.none") : `${number(Math.ceil(s.queues.snapshot_bytes / 1024))} KiB, ${t("ago", { n: Math.round(s.queues.snapshot_age) })}`}</dd>
          {Object.entries(s.refused ?? {}).map(([name, n]) => <><dt>{t("server.refused", { name })}</dt><dd>{number(n)}</dd></>)}
        </dl>
      </details>
      <details>
        <summary>{t("server.books")}</summary>
        <dl class="pairs">
          <dt>{t("server.recounts")}</dt><dd>{number(s.books.recounts)}{s.books.recounts > 0 && `, ${t("ago", { n: Math.round(s.books.age) })}`}</dd>
          <dt>{t("server.violations")}</dt><dd>{number(s.books.violations)}</dd>
          {Object.entries(s.books.yen).map(([account, n]) => <><dt>{account}</dt><dd>{yen(n)}</dd></>)}
          <dt>{t("server.total")}</dt><dd>{yen(Object.values(s.books.yen).reduce((sum, n) => sum + n, 0))}</dd>
        </dl>
      </details>
      {s.replicas && (
        <details>
          <summary>{t("server.group")}</summary>
          <dl class="pairs">
            <dt>{t("server.leader")}</dt><dd>{s.name}</dd>
            <dt>{t("server.term")}</dt><dd>{number(s.replicas.term)}</dd>
            {(s.peers ?? []).map((p) => <><dt>{p.name}</dt><dd>{p.behind === 0 ? t("server.inStep") : t("server.behind", { n: p.behind })}</dd></>)}
          </dl>
        </details>
      )}
      <details>
        <summary>{t("server.slow")}</summary>
        {(s.slow ?? []).length === 0 ? <p class="quiet">{t("server.noSlow")}</p> : (
          <ul class="rows">{s.slow!.map((r) => <li key={r.request + r.at}><span>{r.endpoint}<br /><span class="quiet">{clock(r.at)} · {r.request}</span></span><b class="figure">{milliseconds(r.took)}</b></li>)}</ul>
        )}
      </details>
    </>
  );
}

function Endpoints({ all }: { all: readonly Endpoint[] }) {
  const busiest = all.toSorted((a, b) => b.rate - a.rate);
  return (
    <details open>
      <summary>{t("server.endpoints")}</summary>
      <div class="scrolls" tabIndex={0} role="group" aria-label={t("server.endpoints")}>
        <table class="endpoints">
          <thead><tr><th scope="col">{t("server.endpoint")}</th><th scope="col" class="figure">{t("server.perSecond")}</th><th scope="col" class="figure">p50</th><th scope="col" class="figure">p99</th></tr></thead>
          <tbody>
            {busiest.map((e) => (
              <tr key={e.name}>
                <th scope="row">{e.name.replace(/ \/api/, " ")}{e.errors > 0 && <span class="bad"> {t("server.errors", { n: Math.ceil(e.errors) })}</span>}</th>
                <td class="figure">{number(e.rate < 10 ? Math.round(e.rate * 10) / 10 : Math.round(e.rate))}</td>
                <td class="figure">{milliseconds(e.p50)}</td><td class="figure">{milliseconds(e.p99)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

// Past is a figure with its last minutes.
function Past({ title, of, now, show }: { title: string; of: (m: Moment) => number | null; now: number; show: (v: number) => string }) {
  const known = past.value.flatMap((m) => {
    const value = of(m);
    return value === null ? [] : [{ at: m.at, value }];
  });
  const values = known.map((k) => k.value);
  const latest = values.at(-1);
  const points = line(known.map((k) => k.at), values, now, 1.1 * Math.max(1e-3, ...values), sparkBox.width, sparkBox.height);
  return <Spark title={title} value={latest === undefined ? "–" : show(latest)} points={points} note={t("server.most", { value: show(Math.max(0, ...values)) })} />;
}
