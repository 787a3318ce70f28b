// The city: map, figures of the moment, and what is known of what was selected.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { type Row, City, type Counts } from "../city";
import { type Frame, behind, checks, link, refusalOf, subscribe, subscribeExactly } from "../connection";
import { type Selection, densityLimit, trailLimit } from "../draw";
import type { Point } from "../geometry";
import { Icon, type IconName } from "../icons";
import { CityMap, type MapHandle } from "../map";
import { type Replay, heard, live, moment, refused, replay } from "../replay";
import { token } from "../operator";
import type { Page } from "../route";
import { observe } from "../server";
import { account, cityID, estimate, journey, ride } from "../rider";
import { Sheet } from "../sheet";
import { progress } from "../simulator";
import { Timeline } from "../timeline";
import { clock, number, t } from "../text";
import { stillness } from "../theme";
import { FleetPanel } from "./fleet";
import { Health } from "./health";
import { Lives, OperatorPanel } from "./operator";
import { RidePanel } from "./ride";
import { SimulatorPanel, startCity } from "./simulator";
import { CityTable } from "./table";
import { ReplayNote, TimelineBar } from "./timeline";

const counts = signal<Counts | null>(null); // of what is shown
const selected = signal<Selection | null>(null);
const heat = signal(false);
const trails = signal(true);
const asTable = signal(false);
const legend = signal(true);

export function CityPage({ page }: { page: Page }) {
  const present = useMemo(() => new City(), []);
  const timeline = useMemo(() => new Timeline(), []);
  const r = replay.value;
  const past = useMemo(() => (r ? new City() : null), [r]);
  const city = past ?? present;
  const map = useRef<MapHandle>();
  useEffect(() => subscribeExactly({ table: "city", interval: "100" }, (group, tables) => applyTo(present, group, tables.get("city"), Date.now())), []);
  useEffect(() => (page === "operator" && token.value ? undefined : observe()), [page === "operator" && token.value]);
  useEffect(() => (r && past ? play(r, past) : undefined), [r]);
  useEffect(() => {
    const timer = setInterval(() => tick(present, city, timeline), 500);
    return () => clearInterval(timer);
  }, [city]);
  const now = moment(r, Date.now());
  const own = page === "ride" ? (cityID.value ? { ride: cityID.value } : null) : selected.value;
  const drawer = page !== "city" || selected.value !== null;
  return (
    <main data-equal={checks.value.equal} data-different={checks.value.different} class={`city ${drawer ? "with-drawer" : ""} ${page === "operator" ? "operates" : ""}`}>
      <CityMap
        city={city}
        layers={{ heat: heat.value, trails: trails.value, motion: !stillness.value }}
        selected={own}
        now={() => moment(replay.peek(), Date.now())}
        onPick={picking(page)}
        pins={page === "ride" && account.value?.paying && !underway() ? [journey.value.from, journey.value.to] : undefined}
        onSelect={(s) => (selected.value = s)}
        handle={(h) => (map.current = h)}
      />
      {asTable.value && <CityTable city={city} now={now} onSelect={(s) => (selected.value = s)} />}
      <div class="side">
        <Rail counts={counts.value} />
        <Tools map={() => map.current} />
        <Health />
      </div>
      <Notes counts={counts.value} />
      <div class="foot">
        {legend.value && !asTable.value && <Legend />}
        <TimelineBar timeline={timeline} now={Date.now()} />
      </div>
      {page === "ride" && <RidePanel />}
      {page === "fleet" && <FleetPanel onShow={(chair) => (selected.value = { chair })} />}
      {page === "operator" && <OperatorPanel now={Date.now()} onShow={(s) => (selected.value = s)} />}
      {page === "simulator" && !selected.value && <SimulatorPanel />}
      {selected.value && (page === "city" || page === "simulator") && <Drawer city={city} selection={selected.value} now={now} />}
      {counts.value && link.value.state === "live" && counts.value.chairs === 0 && progress.value.state === "idle" && page === "city" && !r && !asTable.value && <Empty />}
    </main>
  );
}

function tick(present: City, shown: City, timeline: Timeline): void {
  const now = Date.now();
  const then = moment(replay.peek(), now);
  present.settle(now);
  if (shown !== present) shown.settle(then);
  if (link.peek().state === "live") timeline.add(now, present.counts(now));
  counts.value = shown.counts(then);
  const r = replay.peek();
  if (r && r.began > 0 && moment(r, now) >= now - 300) live();
}

// play has the server tell the city again from a moment on.
function play(r: Replay, city: City): () => void {
  const since = new Date(r.from).toISOString();
  return subscribe({ table: "city", since, speed: String(r.speed) }, (group, tables) => {
    heard(r, group, refusalOf(group), Date.now());
    applyTo(city, group, tables.get("city"), moment(r, Date.now()));
  });
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
function applyTo(city: City, group: readonly Frame[], copy: ReadonlyMap<string, object> | undefined, now: number): void {
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

// latest is how far the city may be behind the server before the page says so, in milliseconds: a
// heartbeat comes each second, and two may be late.
const latest = 3000;

function Notes({ counts: c }: { counts: Counts | null }) {
  const { state, heard } = link.value;
  if (state === "connecting") return <p class="note" role="status">{t("feed.connecting")}</p>;
  if (state === "lost") return <p class="note bad" role="status">{heard ? t("feed.lost", { time: clock(heard) }) : t("feed.never")}</p>;
  if (replay.value || refused.value !== null) return <ReplayNote now={Date.now()} />;
  const late = behind();
  if (late > latest) return <p class="note bad" role="status">{t("feed.behind", { seconds: Math.round(late / 1000) })}</p>;
  const things = c ? c.chairs + c.off + c.riding + c.waiting : 0;
  if (things > densityLimit) return <p class="note">{t("map.density")}</p>;
  if (things > trailLimit) return <p class="note">{t("map.noTrails")}</p>;
  return null;
}

function Tools({ map }: { map: () => MapHandle | undefined }) {
  const act = (icon: IconName, name: string, does: () => void) => <button aria-label={name} title={name} onClick={does}><Icon name={icon} /></button>;
  const layer = (icon: IconName, name: string, on: Signal<boolean>) => (
    <button aria-label={name} title={name} aria-pressed={on.value} onClick={() => (on.value = !on.value)}><Icon name={icon} /></button>
  );
  return (
    <div class="tools" role="group" aria-label={t("map.tools")}>
      {act("closer", t("map.closer"), () => map()?.zoom(1.4))}
      {act("farther", t("map.farther"), () => map()?.zoom(1 / 1.4))}
      {act("first", t("town.chairtown"), () => map()?.show(0))}
      {act("second", t("town.koshikake"), () => map()?.show(1))}
      {act("both", t("map.both"), () => map()?.show("all"))}
      {layer("trails", t("map.trails"), trails)}
      {layer("heat", t("map.heat"), heat)}
      {layer("legend", t("map.legend"), legend)}
      {layer("table", t("map.table"), asTable)}
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

function Drawer({ city, selection, now }: { city: City; selection: Selection; now: number }) {
  const chair = selection.chair ? city.chairs.get(selection.chair) : undefined;
  const ride = selection.ride ? city.rides.get(selection.ride) : (chair?.ride ?? undefined);
  return (
    <Sheet>
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
      <Lives chair={chair?.id} ride={ride?.id} />
    </Sheet>
  );
}
