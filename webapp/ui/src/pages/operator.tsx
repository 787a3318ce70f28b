// The operator's page: what the matcher decides, and why.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { type Match, type Terms, cost, decide } from "../decision";
import type { Selection } from "../draw";
import type { Word } from "../en";
import { type Details, chosen, details, enter, figures, follow, leave, lives, lookAt, lookUp, matches, token, wrong } from "../operator";
import { observe } from "../server";
import { Sheet } from "../sheet";
import { clock, number, person, t, yen } from "../text";
import { Details as ServerDetails, Vitals } from "./health";
import { BenchRuns } from "./runs";

export function OperatorPanel({ onShow, now }: { onShow: (s: Selection) => void; now: number }) {
  const as = token.value;
  useEffect(() => (as ? follow(as) : undefined), [as]);
  useEffect(() => (as ? observe(as) : undefined), [as]);
  return (
    <Sheet kind="wide">
      {as ? (
        <>
          <h2>{t("operator.title")}</h2>
          <Vitals now={now} />
          <h3>{t("operator.matcher")}</h3>
          <Figures now={now} />
          {chosen.value && <Decided key={chosen.value.ride_id} match={chosen.value} as={as} onShow={onShow} />}
          <Matches now={now} />
          <h3>{t("server.title")}</h3>
          <ServerDetails />
          <BenchRuns />
          <footer class="quiet"><button class="link" onClick={leave}>{t("ride.leave")}</button></footer>
        </>
      ) : (
        <Enter />
      )}
    </Sheet>
  );
}

export function Enter() {
  const text = useSignal("");
  return (
    <form onSubmit={(e) => (e.preventDefault(), enter(text.value))}>
      <h2>{t("operator.title")}</h2>
      <p class="quiet">{t("operator.text")}</p>
      <label class="field"><span>{t("operator.token")}</span>
        <input type="password" required autocomplete="off" value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} /></label>
      {wrong.value && <p class="bad" role="alert">{t("operator.wrong")}</p>}
      <button class="primary">{t("operator.enter")}</button>
    </form>
  );
}

const ticks = (thousandths: number) => number(Math.round(thousandths / 100) / 10);
const percent = (share: number) => `${number(Math.round(100 * share))} %`;

function Figures({ now }: { now: number }) {
  const f = figures(matches.value, now);
  return (
    <dl class="figures-row">
      <div><dd>{number(f.perMinute)}</dd><dt>{t("operator.perMinute")}</dt></div>
      <div><dd>{number(Math.round(f.pickup * 10) / 10)}</dd><dt>{t("operator.pickupMean")}</dt></div>
      <div><dd>{percent(f.waited)}</dd><dt>{t("operator.overdue")}</dt></div>
      <div><dd>{percent(f.lost)}</dd><dt>{t("operator.given")}</dt></div>
    </dl>
  );
}

function Matches({ now }: { now: number }) {
  const list = matches.value.slice(0, 12);
  return (
    <section>
      <h3>{t("operator.matches")}</h3>
      {list.length === 0 && <p class="quiet">{t("operator.none")}</p>}
      <ul class="rows">
        {list.map((m) => (
          <li key={m.ride_id + m.matched_at}>
            <button class="link" aria-pressed={chosen.value?.ride_id === m.ride_id} onClick={() => (chosen.value = m)}>{t("operator.match", { time: clock(m.matched_at) })}</button>
            <span class="quiet">{t(`operator.short.${decide(m).reason}`)}</span>
            <span class="quiet">{t("ago", { n: Math.max(0, Math.round((now - m.matched_at) / 1000)) })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Decided({ match: m, as, onShow }: { match: Match; as: string; onShow: (s: Selection) => void }) {
  useEffect(() => lookUp(as, m), [as, m]);
  const found = details.value;
  const city = (id: string | null) => text(found, "chairs", id, "city_id");
  const select: Selection = {
    chair: city(m.chair_id), ride: text(found, "rides", m.ride_id, "city_id"),
    others: (m.lost ?? []).map((l) => city(l.chair_id)).filter((id) => id !== undefined),
  };
  const key = [select.chair, select.ride, ...select.others!].join();
  useEffect(() => onShow(select), [key]);
  const d = decide(m);
  const name = (c: Terms | null) => text(found, "chairs", c?.chair_id ?? null, "name") ?? c?.chair_id?.slice(-4) ?? "?";
  return (
    <section class="decided" aria-live="polite">
      <h3>
        {t("operator.match", { time: clock(m.matched_at) })}
        <button class="plain" aria-label={t("close")} onClick={() => (chosen.value = null)}>×</button>
      </h3>
      <p>{t(`operator.why.${d.reason}`, { chosen: name(m), rival: name(d.rival), ticks: Math.round(d.ticks * 10) / 10 })}{m.class === "overdue" || m.class === "elsewhere" ? " " + t(`operator.class.${m.class}`) : ""}</p>
      {m.lost && <Costs match={m} name={name} />}
      <Life found={found} ride={m.ride_id} />
    </section>
  );
}

function Costs({ match: m, name }: { match: Match; name: (c: Terms) => string }) {
  const all = [m, ...m.lost!];
  const line = (word: Word, value: (c: Terms) => number) => (
    <tr><th scope="row">{t(word)}</th>{all.map((c) => <td key={c.chair_id} class="figure">{ticks(value(c))}</td>)}</tr>
  );
  return (
    <table class="costs">
      <caption class="quiet">{t("operator.costs")}</caption>
      <thead><tr><td />{all.map((c, n) => <th key={c.chair_id} scope="col" class="figure">{name(c)}<br /><span class="role">{n === 0 ? t("operator.chosen") : t("operator.lost")}</span></th>)}</tr></thead>
      <tbody>
        {line("operator.pickup", (c) => c.pickup)}
        {line("operator.carry", (c) => c.carry)}
        {line("operator.trip", () => m.trip ?? 0)}
        {line("operator.age", () => m.age ?? 0)}
        <tr class="sum"><th scope="row">{t("operator.sum")}</th>{all.map((c) => <td key={c.chair_id} class="figure">{ticks(cost(m, c))}</td>)}</tr>
      </tbody>
    </table>
  );
}

// Lives is what operators see of a chair and a ride that are selected on the map.
export function Lives({ chair, ride }: { chair: string | undefined; ride: string | undefined }) {
  const as = token.value;
  useEffect(() => (as ? lookAt(as, chair, ride) : undefined), [as, chair, ride]);
  if (!as) return null;
  const found = lives.value;
  const first = (table: string): Record<string, unknown> | undefined => found.get(table)?.values().next().value;
  const car = first("chairs");
  const owner = first("owners");
  const trip = first("rides");
  return (
    <section class="lives">
      {car && (
        <dl class="pairs">
          <dt>{t("fleet.name")}</dt><dd><bdi>{String(car["name"])}</bdi></dd>
          <dt>{t("fleet.model")}</dt><dd>{String(car["model"])}</dd>
          {owner && <><dt>{t("operator.owner")}</dt><dd><bdi>{String(owner["name"])}</bdi></dd></>}
          <dt>{t("operator.registered")}</dt><dd>{clock(Number(car["created_at"]))}</dd>
        </dl>
      )}
      {trip && <Life found={found} ride={String(trip["id"])} />}
    </section>
  );
}

// Life is what has become of the ride.
function Life({ found, ride }: { found: Details; ride: string }) {
  const row = found.get("rides")?.get(ride);
  if (!row) return null;
  const user = found.get("users")?.get(String(row["user_id"]));
  const status = text(found, "statuses", ride, "status");
  const payment = found.get("payments")?.get(ride);
  return (
    <dl class="pairs">
      {user && <><dt>{t("operator.rider")}</dt><dd>{person(String(user["firstname"]), String(user["lastname"]))}</dd></>}
      {status && <><dt>{t("chair.state")}</dt><dd>{t(`status.${status}` as Word)}</dd></>}
      <dt>{t("ride.asked")}</dt><dd>{clock(Number(row["created_at"]))}</dd>
      <dt>{t("operator.fare")}</dt><dd>{yen(Number(row["fare"]))}{payment?.["state"] === "paid" ? ` · ${t("operator.paid")}` : ""}</dd>
      {row["evaluation"] ? <><dt>{t("ride.rated")}</dt><dd>{number(Number(row["evaluation"]))} ★</dd></> : null}
    </dl>
  );
}

function text(found: Details, table: string, id: string | null, column: string): string | undefined {
  const value = id === null ? undefined : found.get(table)?.get(id)?.[column];
  return typeof value === "string" ? value : undefined;
}
