// What the pages keep must not grow with how long they are open, only with what there is to be seen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { options } from "preact";

import { Feed } from "../../../client/ts/feed";
import { City } from "../../src/city";
import { type Server, withNow } from "../../src/server";
import { Timeline, span } from "../../src/timeline";

const second = 1000;
const hour = 3600;

// reachable counts the values that something holds, wherever in it they are.
function reachable(...roots: unknown[]): number {
  const seen = new Set<unknown>();
  let count = 0;
  for (const open = [...roots]; open.length > 0; ) {
    const value = open.pop();
    count++;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Map) open.push(...value.keys(), ...value.values());
    else if (value instanceof Set) open.push(...value);
    else open.push(...Object.values(value));
  }
  return count;
}

// generator is mulberry32.
function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// busy lets a city of 30 chairs live, in which a ride is asked for each second and takes 20, and tells after each
// second that it is over. Demand goes round the towns, so that places are new again and again.
function busy(seconds: number, tell: (now: number) => void, put: (row: object) => void, drop: (id: string) => void): void {
  const random = generator(7);
  const chairs = 30;
  for (let s = 0; s < seconds; s++) {
    const place = { latitude: 5 * Math.round(s / 10), longitude: 5 * Math.round(100 * random()) };
    put({ id: `ride${s}`, kind: "ride", status: "MATCHING", since: s * second, chair: null, ...place });
    if (s >= 2) put({ id: `ride${s - 2}`, chair: `chair${s % chairs}`, status: "ENROUTE", since: s * second });
    if (s >= 20) drop(`ride${s - 20}`);
    for (let n = 0; n < chairs; n++) put({ id: `chair${n}`, kind: "chair", active: true, speed: 3, latitude: Math.round(40 * random()), longitude: Math.round(40 * random()) });
    tell(s * second);
  }
}

// expectBounded compares what is kept at two moments of a city that has as much to show at both.
function expectBounded(what: string, early: number, late: number): void {
  assert.ok(early > 0 && late <= 1.1 * early, `${what} holds ${late} values in the end, ${early} after some minutes`);
}

test("a city that nobody looks at keeps no more after three hours than after ten minutes", () => {
  const city = new City();
  const timeline = new Timeline();
  let early = 0;
  const tell = (now: number) => {
    city.settle(now);
    timeline.add(now, city.counts(now));
    if (now === 600 * second) early = reachable(city, timeline);
    assert.ok(city.counts(now).perMinute <= 61);
  };
  let now = 0;
  busy(3 * hour, (at) => tell((now = at)), (row) => city.put(row as never, now), (id) => city.drop(id, now));
  expectBounded("the city", early, reachable(city, timeline));
});

test("of how the server did there are the last minutes, without what nobody looks at again", () => {
  const endpoints = Array.from({ length: 50 }, (_, n) => ({ name: `GET /${n}`, rate: n, errors: 0, p50: 1, p99: 2 }));
  let past: ReturnType<typeof withNow> = [];
  let early = 0;
  for (let s = 1; s <= hour; s++) {
    past = withNow(past, { name: "server", requests: s, report_p99: 1, sql_lag: 0, unsynced: 0, replicas: null, shedding: 0, balanced: true, endpoints } as Server, s * second);
    if (s === 600) early = reachable(past);
  }
  expectBounded("the past", early, reachable(past));
  assert.ok(reachable(past) <= (6 * span) / second + 1, `a second of the past holds ${reachable(past) / (span / second)} values`);
});

test("a connection keeps the rows that there are, and none of a log", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  let socket!: { onopen: () => void; onmessage: (m: { data: string }) => void };
  class Socket {
    static readonly OPEN = 1;
    readonly readyState = Socket.OPEN;
    constructor() {
      socket = this as unknown as typeof socket;
    }
    send() {}
    close() {}
  }
  Object.assign(globalThis, { WebSocket: Socket });
  const feed = new Feed("http://server");
  socket.onopen();
  let told = 0;
  feed.subscribe("c", { table: "city" }, () => told++);
  feed.subscribe("m", { table: "matches" }, () => told++);
  const last = new Map<string, number>();
  let seq = 0;
  const say = (sub: string, table: string, action: string, key: string, row: object) => {
    socket.onmessage({ data: JSON.stringify({ sub, table, action, keys: [key], epoch: 1, seq: ++seq, prev: last.get(sub) ?? 0, data: [row] }) });
    last.set(sub, seq);
  };
  const rides = new Set<string>();
  let early = 0;
  const put = (row: { id?: string; kind?: string }) => {
    const fresh = row.kind === "ride" || (row.kind === "chair" && !rides.has(row.id!));
    rides.add(row.id!);
    say("c", "city", fresh ? "insert" : "update", "id", row);
    if (row.kind === "ride") say("m", "matches", "insert", "ride_id", { ride_id: row.id, lost: [{ chair_id: "c" }] });
  };
  busy(1200, (now) => now === 600 * second && (early = reachable(feed)), put, (id) => say("c", "city", "delete", "id", { id }));
  assert.ok(told > 1200 * 32, `${told} groups were told`);
  expectBounded("the connection", early, reachable(feed));
  feed.close();
});

test("no element is made but to be drawn: one that lives on holds all pages that were ever drawn", async () => {
  const node = { dataset: {}, addEventListener: () => {}, getItem: () => null };
  Object.assign(globalThis, {
    localStorage: node, sessionStorage: node, addEventListener: () => {}, navigator: { languages: ["en"] }, location: { pathname: "/ui/", origin: "http://server" },
    matchMedia: () => ({ matches: false, addEventListener: () => {} }), document: { documentElement: node },
  });
  let made = 0;
  options.vnode = () => made++;
  const modules = [await import("../../src/pages/city"), await import("../../src/pages/charts"), await import("../../src/icons")];
  assert.equal(made, 0);
  modules[2]!.Icon({ name: "closer" }); // the count works
  assert.ok(made > 0);
});
