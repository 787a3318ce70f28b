import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed } from "../../../client/ts/feed";

test("what a server refuses for the moment is asked again, what it refuses for good is not", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const sent: string[] = [];
  let socket!: { onopen: () => void; onmessage: (m: { data: string }) => void };
  class Socket {
    static readonly OPEN = 1;
    readonly readyState = Socket.OPEN;
    constructor() {
      socket = this as unknown as typeof socket;
    }
    send(text: string) {
      sent.push(text);
    }
    close() {}
  }
  Object.assign(globalThis, { WebSocket: Socket });
  const feed = new Feed("http://server");
  socket.onopen();
  const heard: string[] = [];
  feed.subscribe("s", { table: "city" }, ([frame]) => heard.push(frame!.code!));
  const refuse = (code: string) => socket.onmessage({ data: JSON.stringify({ sub: "s", table: "city", action: "error", code }) });
  assert.equal(sent.length, 1);
  refuse("busy");
  t.mock.timers.tick(2999);
  assert.equal(sent.length, 1);
  t.mock.timers.tick(1);
  assert.equal(sent.length, 2);
  refuse("no_right");
  t.mock.timers.tick(60_000);
  assert.equal(sent.length, 2);
  assert.deepEqual(heard, ["busy", "no_right"]);
  feed.close();
});
