import assert from "node:assert/strict";
import { test } from "node:test";

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
const answer = (path: string) => (path.endsWith("nearby-chairs") ? { chairs: [] } : { access_token: `token${++accounts}`, chair_register_token: "r" });
Object.assign(globalThis, {
  WebSocket: Socket,
  location: { origin: "http://server" },
  localStorage: { getItem: () => null, setItem: () => {}, removeItem: () => {} },
  addEventListener: () => {},
  removeEventListener: () => {},
  fetch: async (url: string) => {
    calls.push(Date.now());
    const after = busy.shift();
    if (after === undefined) return new Response(JSON.stringify(answer(new URL(url).pathname)));
    return new Response('{"message":"busy"}', { status: 503, headers: after > 0 ? { "Retry-After": String(after) } : {} });
  },
});

const { Simulator, settings, standard } = await import("../../src/simulator");
const { as } = await import("../../src/connection");

test("people who are sent away are no longer listened for", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const live = async (seconds: number) => {
    for (let n = 0; n < 4 * seconds; n++) {
      t.mock.timers.tick(250);
      await new Promise((done) => setImmediate(done));
    }
  };
  const open = () => sent.reduce((n, { op }) => n + (op === "subscribe" ? 1 : -1), 0);
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
