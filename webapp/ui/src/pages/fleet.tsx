// The owner's page: chairs on the map and in a list, sales as bars.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { type Format, Bars } from "../chart";
import { type ChairRow, account, addChair, chairs, csv, failure, follow, forget, range, readSales, register, sales, switchChair } from "../owner";
import { Sheet } from "../sheet";
import { number, t, yen } from "../text";
import { Failed } from "./failed";

// models are some of the catalogue, one for each speed.
const models = ["EasySit", "ErgoFlex", "LuxeThrone", "Phoenix Ultra"] as const;

export function FleetPanel({ onShow }: { onShow: (cityID: string) => void }) {
  const a = account.value;
  useEffect(() => (a ? follow(a.token) : undefined), [a?.token]);
  return (
    <Sheet kind="phone">
      {a ? (
        <>
          <h2>{a.name}</h2>
          <Sales />
          <Chairs onShow={onShow} />
          <AddChair />
        </>
      ) : (
        <Registration />
      )}
      {failure.value && <Failed failure={failure.value} />}
      {a && <footer class="quiet"><button class="link" onClick={forget}>{t("ride.leave")}</button></footer>}
    </Sheet>
  );
}

function Registration() {
  const name = useSignal("");
  return (
    <form onSubmit={(e) => (e.preventDefault(), void register(name.value))}>
      <h2>{t("fleet.register")}</h2>
      <p class="quiet">{t("fleet.registerText")}</p>
      <label class="field"><span>{t("fleet.name")}</span>
        <input required maxLength={30} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} /></label>
      <button class="primary">{t("fleet.register")}</button>
    </form>
  );
}

function Sales() {
  useEffect(() => {
    void readSales();
    const timer = setInterval(() => void readSales(), 5000);
    return () => clearInterval(timer);
  }, [range.value]);
  const s = sales.value;
  const change = (end: "since" | "until") => (e: Event) => (range.value = { ...range.value, [end]: (e.currentTarget as HTMLInputElement).value });
  return (
    <section>
      <p class="fare"><span class="quiet">{t("fleet.sales")}</span><br /><strong>{s ? yen(s.total) : "–"}</strong></p>
      <div class="place range">
        <label><span class="quiet">{t("fleet.since")}</span><input type="datetime-local" value={range.value.since} onChange={change("since")} /></label>
        <label><span class="quiet">{t("fleet.until")}</span><input type="datetime-local" value={range.value.until} onChange={change("until")} /></label>
      </div>
      {s && <Earned title={t("fleet.byModel")} rows={s.models.map((m): [string, number] => [m.model, m.sales])} />}
      {s && <Earned title={t("fleet.byChair")} rows={s.chairs.filter((c) => c.sales > 0).map((c): [string, number] => [c.name, c.sales])} />}
      {s && s.chairs.length > 0 && (
        <a class="link" download="sales.csv" href={"data:text/csv;charset=utf-8," + encodeURIComponent(csv(s))}>{t("fleet.csv")}</a>
      )}
    </section>
  );
}

const largest = 8; // rows of a chart

// Earned shows who earned most.
function Earned({ title, rows }: { title: string; rows: readonly (readonly [string, number])[] }) {
  if (rows.length === 0) return null;
  const shown = rows.toSorted((a, b) => b[1] - a[1]).slice(0, largest);
  const format: Format = { value: yen, tick: number, axis: number, mark: number, gap: "–" };
  return (
    <figure class="earned">
      <figcaption class="quiet">{title}</figcaption>
      <Bars table={{ axes: [title], series: [title], rows: shown }} format={format} label={`${title}: ${shown.map(([name, n]) => `${name} ${yen(n)}`).join(", ")}`} />
    </figure>
  );
}

const lines = 200; // of the list of chairs

function Chairs({ onShow }: { onShow: (cityID: string) => void }) {
  const list = chairs.value;
  return (
    <section>
      <h3>{t("fleet.chairs", { n: number(list.length), on: number(list.filter((c) => c.is_active).length) })}</h3>
      <ul class="rows">{list.slice(0, lines).map((c) => <ChairLine key={c.id} chair={c} onShow={onShow} />)}</ul>
      {list.length > lines && <p class="quiet">{t("table.more", { n: number(list.length - lines) })}</p>}
      {!list.every(registeredHere) && <p class="quiet">{t("fleet.notOurs")}</p>}
    </section>
  );
}

const registeredHere = (c: ChairRow): boolean => account.value?.chairTokens[c.id] !== undefined;

function ChairLine({ chair, onShow }: { chair: ChairRow; onShow: (cityID: string) => void }) {
  const state = chair.is_active ? t("fleet.on") : t("fleet.off");
  return (
    <li>
      <button class="link" onClick={() => onShow(chair.city_id)}>{chair.name}</button>
      <span class="quiet">{chair.model}</span>
      {registeredHere(chair) ? <button class="chip" aria-pressed={chair.is_active} onClick={() => void switchChair(chair.id, !chair.is_active)}>{state}</button> : <span>{state}</span>}
    </li>
  );
}

function AddChair() {
  const name = useSignal("");
  const model = useSignal<string>(models[1]);
  const add = async (e: Event) => {
    e.preventDefault();
    if (await addChair(name.value, model.value)) name.value = "";
  };
  return (
    <form class="place" onSubmit={(e) => void add(e)}>
      <label><span class="quiet">{t("fleet.chairName")}</span>
        <input required maxLength={30} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} /></label>
      <label><span class="quiet">{t("fleet.model")}</span>
        <select value={model.value} onChange={(e) => (model.value = e.currentTarget.value)}>{models.map((m) => <option key={m}>{m}</option>)}</select></label>
      <button class="chip">{t("fleet.add")}</button>
    </form>
  );
}
