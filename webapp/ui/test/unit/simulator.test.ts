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
const answer = (path: string) => (path.endsWith("nearby-chairs") ? { chairs: [] } : { access_token: `token${++accounts}`, chair_register_token: "r" });
Object.assign(globalThis, {
  WebSocket: Socket,
  location: { origin: "http://server" },
  localStorage: { getItem: () => null, setItem: () => {}, removeItem: () => {} },
  addEventListener: () => {},
  removeEventListener: () => {},
  fetch: async (url: string) => ({ ok: true, status: 200, text: async () => JSON.stringify(answer(new URL(url).pathname)) }),
});

const { Simulator, settings, standard } = await import("../../src/simulator");

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
