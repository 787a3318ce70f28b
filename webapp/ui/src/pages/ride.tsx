// The rider's phone: one thing to do at a time.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { type Point, reach } from "../geometry";
import {
  type Person, account, askFare, busy, estimate, failure, follow, forget, history, journey, order, rate, readHistory, register, ride, setPayment,
} from "../rider";
import { Sheet } from "../sheet";
import { clock, number, t, yen } from "../text";
import { Failed } from "./failed";

export function RidePanel() {
  const a = account.value;
  useEffect(() => (a ? follow(a.token) : undefined), [a?.token]);
  return (
    <Sheet kind="phone">
      {!a && <Registration />}
      {a && !a.paying && <Payment />}
      {a?.paying && <Journey />}
      {failure.value && <Failed failure={failure.value} />}
      {a && (
        <footer class="quiet">
          {t("ride.as", { name: a.username })} · <button class="link" onClick={forget}>{t("ride.leave")}</button>
        </footer>
      )}
    </Sheet>
  );
}

function Registration() {
  const form = useRef<HTMLFormElement>(null);
  const send = (e: Event) => {
    e.preventDefault();
    const field = (name: string) => String(new FormData(form.current!).get(name) ?? "");
    const person: Person = { username: field("username"), firstname: field("firstname"), lastname: field("lastname"), birth: field("birth"), invitation: field("invitation") };
    void register(person);
  };
  return (
    <form ref={form} onSubmit={send}>
      <h2>{t("ride.register")}</h2>
      <Field name="username" label={t("ride.username")} autocomplete="username" />
      <Field name="firstname" label={t("ride.firstname")} autocomplete="given-name" />
      <Field name="lastname" label={t("ride.lastname")} autocomplete="family-name" />
      <Field name="birth" label={t("ride.birth")} type="date" autocomplete="bday" />
      <Field name="invitation" label={t("ride.invitation")} optional />
      <button class="primary" disabled={busy.value}>{t("ride.register")}</button>
    </form>
  );
}

function Field(p: { name: string; label: string; type?: string; autocomplete?: string; optional?: boolean }) {
  return (
    <label class="field">
      <span>{p.label}</span>
      <input name={p.name} type={p.type ?? "text"} autocomplete={(p.autocomplete ?? "off") as "off"} required={!p.optional} maxLength={30} />
    </label>
  );
}

function Payment() {
  const token = useSignal("demo-token");
  const send = (e: Event) => {
    e.preventDefault();
    void setPayment(token.value);
  };
  return (
    <form onSubmit={send}>
      <h2>{t("ride.payment")}</h2>
      <p class="quiet">{t("ride.paymentText")}</p>
      <label class="field">
        <span>{t("ride.paymentToken")}</span>
        <input value={token.value} required onInput={(e) => (token.value = e.currentTarget.value)} />
      </label>
      <button class="primary" disabled={busy.value}>{t("ride.paymentSave")}</button>
    </form>
  );
}

function Journey() {
  const current = ride.value;
  const done = useSignal<string | null>(null); // the ride whose receipt was read
  if (current && current.status !== "COMPLETED") return <Underway />;
  if (current && done.value !== current.ride_id) return <ReceiptOf onRead={() => (done.value = current.ride_id)} />;
  return <Order />;
}

function Order() {
  const { from, to } = journey.value;
  const change = (end: "from" | "to") => (p: Point) => {
    journey.value = { ...journey.value, [end]: p };
    estimate.value = null;
  };
  const e = estimate.value;
  return (
    <section>
      <h2>{t("ride.where")}</h2>
      <p class="quiet">{t("ride.whereText")}</p>
      <Place label={t("ride.from")} value={from} onChange={change("from")} />
      <Place label={t("ride.to")} value={to} onChange={change("to")} />
      {e ? (
        <>
          <p class="fare"><strong>{yen(e.fare)}</strong>{e.discount > 0 && <span class="quiet"> {t("ride.discount", { yen: yen(e.discount) })}</span>}</p>
          <button class="primary" disabled={busy.value} onClick={() => void order()}>{t("ride.order")}</button>
        </>
      ) : (
        <button class="primary" disabled={busy.value} onClick={() => void askFare()}>{t("ride.estimate")}</button>
      )}
      <History />
    </section>
  );
}

function Place({ label, value, onChange }: { label: string; value: Point; onChange: (p: Point) => void }) {
  const axis = (name: "x" | "y", word: string) => (
    <label>
      <span class="quiet">{word}</span>
      <input type="number" step={1} min={-reach} max={300 + reach} value={value[name]}
        onInput={(e) => Number.isInteger(e.currentTarget.valueAsNumber) && onChange({ ...value, [name]: e.currentTarget.valueAsNumber })} />
    </label>
  );
  return (
    <fieldset class="place">
      <legend>{label}</legend>
      {axis("y", t("place.north"))}
      {axis("x", t("place.east"))}
    </fieldset>
  );
}

const steps = ["MATCHING", "ENROUTE", "PICKUP", "CARRYING", "ARRIVED"] as const;

function Underway() {
  const n = ride.value!;
  const at = steps.indexOf(n.status as (typeof steps)[number]);
  return (
    <section>
      <h2>{t(`status.${n.status}`)}</h2>
      <ol class="steps" aria-live="polite">
        {steps.map((s, i) => <li key={s} class={i < at ? "past" : i === at ? "now" : ""} aria-current={i === at ? "step" : undefined}>{t(`status.${s}`)}</li>)}
      </ol>
      {n.chair && (
        <dl class="pairs">
          <dt>{t("ride.chair")}</dt><dd>{n.chair.name}, {n.chair.model}</dd>
          <dt>{t("ride.rated")}</dt><dd>{number(Math.round(n.chair.stats.total_evaluation_avg * 10) / 10)} ★ · {t("ride.ridesOf", { n: n.chair.stats.total_rides_count })}</dd>
        </dl>
      )}
      <p class="fare"><strong>{yen(n.fare)}</strong></p>
      {n.status === "ARRIVED" && <Stars />}
    </section>
  );
}

function Stars() {
  return (
    <fieldset class="stars" disabled={busy.value}>
      <legend>{busy.value ? t("ride.paying") : t("ride.rate")}</legend>
      {[1, 2, 3, 4, 5].map((n) => <button key={n} aria-label={t("ride.stars", { n })} onClick={() => void rate(n)}>★</button>)}
    </fieldset>
  );
}

function ReceiptOf({ onRead }: { onRead: () => void }) {
  const n = ride.value!;
  return (
    <section aria-live="polite">
      <h2>{t("ride.thanks")}</h2>
      <dl class="pairs">
        <dt>{t("ride.paid")}</dt><dd>{yen(n.fare)}</dd>
        <dt>{t("ride.at")}</dt><dd>{clock(n.updated_at)}</dd>
      </dl>
      <button class="primary" onClick={onRead}>{t("ride.next")}</button>
    </section>
  );
}

function History() {
  const list = history.value;
  return (
    <details onToggle={(e) => e.currentTarget.open && void readHistory()}>
      <summary>{t("ride.history")}</summary>
      {list?.length === 0 && <p class="quiet">{t("ride.noHistory")}</p>}
      <ul class="rows">
        {list?.toSorted((a, b) => b.completed_at - a.completed_at).map((r) => (
          <li key={r.id}><span>{clock(r.completed_at)} · {r.chair.name}</span><strong>{yen(r.fare)}</strong></li>
        ))}
      </ul>
      <p class="quiet">{t("ride.invite", { code: account.value!.invitation })}</p>
    </details>
  );
}
