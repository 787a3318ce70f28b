import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

// The page's surroundings, before its modules are loaded.
const sent: { op: string; sub: string; token?: string }[] = [];
class Socket {
  static readonly OPEN = 1;
  readyState = 0;
  onopen!: () => void;
  constructor() {
    queueMicrotask(() => {
      this.readyState = Socket.OPEN;
      this.onopen();
    });
  }
  send(text: string) {
    sent.push(JSON.parse(text));
  }
  close() {}
}
let accounts = 0;
const busy: number[] = []; // how many seconds the server wants to be left alone, for each of the next calls
const calls: number[] = []; // when they came, in milliseconds
let initialized = 0; // times; each ends all sessions
const answer = (path: string) => (path.endsWith("nearby-chairs") ? { chairs: [] } : { access_token: `${initialized}.${++accounts}`, chair_register_token: `${initialized}.r` });
let searches: number[] = []; // when riders looked for a chair
interface Request {
  headers: Record<string, string>;
  body?: string;
}
const fetch = async (url: string, { headers, body }: Request) => {
  calls.push(Date.now());
  const after = busy.shift();
  if (after !== undefined) return new Response('{"message":"busy"}', { status: 503, headers: after > 0 ? { "Retry-After": String(after) } : {} });
  const path = new URL(url).pathname;
  if (path.endsWith("nearby-chairs")) searches.push(Date.now());
  const token = headers["Authorization"]?.replace("Bearer ", "") ?? JSON.parse(body ?? "{}").chair_register_token;
  const denied = token !== undefined && !token.startsWith(`${initialized}.`);
  return new Response(JSON.stringify(denied ? { message: "session ended" } : answer(path)), { status: denied ? 401 : 200 });
};
Object.assign(globalThis, {
  WebSocket: Socket,
  location: { origin: "http://server" },
  localStorage: { getItem: () => null, setItem: () => {}, removeItem: () => {} },
  addEventListener: () => {},
  removeEventListener: () => {},
  fetch,
});

const { Simulator, beginRush, progress, settings, standard } = await import("../../src/simulator");
const { as } = await import("../../src/connection");

const open = () => sent.reduce((n, { op }) => n + (op === "subscribe" ? 1 : -1), 0);
const life = (t: TestContext) => async (seconds: number) => {
  for (let n = 0; n < 4 * seconds; n++) {
    t.mock.timers.tick(250);
    await new Promise((done) => setImmediate(done));
  }
};

test("people who are sent away are no longer listened for", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const live = life(t);
  const city = new Simulator();
  settings.value = { ...standard, chairs: 2, riders: 12 };
  await city.start();
  await live(10);
  assert.equal(open(), 14);
  for (let round = 0; round < 3; round++) {
    settings.value = { ...standard, chairs: 2, riders: 3 };
    await live(60);
    assert.equal(open(), 5);
    settings.value = { ...standard, chairs: 2, riders: 12 };
    await live(10);
    assert.equal(open(), 14);
  }
  const over = city.stop();
  await live(60);
  await over;
  assert.equal(open(), 0);
});

test("a busy server is left alone for as long as it asks", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  busy.push(3, 2, 0);
  calls.length = 0;
  let done = false;
  void new Simulator().insist(() => as().call("get", "/api/app/rides")).then(() => (done = true));
  for (let n = 0; !done && n < 1000; n++) {
    await new Promise((turn) => setImmediate(turn));
    t.mock.timers.tick(10);
  }
  const waits = calls.map((at, i) => at - calls[i - 1]!).slice(1);
  assert.equal(waits.length, 3);
  assert.ok(waits[0]! >= 3000 && waits[0]! < 3100, `${waits}`);
  assert.ok(waits[1]! >= 2000 && waits[1]! < 2100, `${waits}`);
  assert.ok(waits[2]! >= 1000 && waits[2]! < 3100, `${waits}`); // its own time, as the server names none
});

test("everybody is registered anew after an initialize", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const live = life(t);
  const city = new Simulator();
  settings.value = { ...standard, chairs: 4, riders: 3 };
  await city.start();
  await live(10);
  for (let round = 0; round < 2; round++) {
    initialized++;
    await live(60);
    const heard = new Map(sent.map((s) => [s.sub, s])); // the last of each
    const tokens = [...heard.values()].filter((s) => s.op === "subscribe").map((s) => s.token!);
    assert.equal(tokens.length, 7);
    assert.deepEqual(tokens.filter((token) => !token.startsWith(`${initialized}.`)), []);
    const { chairs, riders, trouble } = progress.peek();
    assert.deepEqual({ chairs, riders, trouble }, { chairs: 4, riders: 3, trouble: null });
  }
  const over = city.stop();
  await live(60);
  await over;
  assert.equal(open(), 0);
});

test("a rush leaves the settings to the reader", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  t.mock.method(Math, "random", () => 0.5);
  const live = life(t);
  const city = new Simulator();
  settings.value = { ...standard, chairs: 1, riders: 5, demand: 1, patience: 0 };
  await city.start();
  const count = async (seconds: number) => {
    searches = [];
    await live(seconds);
    return searches.length;
  };
  await live(60);
  const calm = await count(300);
  beginRush(5, 300_000);
  settings.value = { ...settings.peek(), demand: 2 };
  await live(60);
  const busy = await count(200);
  await live(100);
  assert.ok(busy > 4 * calm, `${calm} searches in 300 s before, ${busy} in 200 s of the rush`);
  assert.equal(settings.peek().demand, 2);
  const later = await count(300);
  assert.ok(later > 1.5 * calm && later < 2.5 * calm, `${calm} before, ${later} after it with twice the demand`);
  const over = city.stop();
  await live(60);
  await over;
});
