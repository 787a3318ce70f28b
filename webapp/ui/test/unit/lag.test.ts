import assert from "node:assert/strict";
import { test } from "node:test";

import { Lag } from "../../src/connection";

test("a copy is as far behind as its newest heartbeat, whatever the clocks show", () => {
  for (const skew of [0, -3_600_000, 3_600_000]) {
    const lag = new Lag();
    assert.equal(lag.at(5), 0);
    const server = 1_000_000_000;
    const ours = server + skew;
    lag.heard(server, ours + 40);
    lag.heard(server + 1000, ours + 1010); // on its way for 10 ms, the shortest time
    assert.equal(lag.at(ours + 1010), 0);
    assert.equal(lag.at(ours + 6010), 5000); // nothing comes
    lag.heard(server + 2000, ours + 9010); // it comes late
    assert.equal(lag.at(ours + 9010), 7000);
    lag.heard(server + 9500, ours + 9520);
    assert.equal(lag.at(ours + 9520), 10);
  }
});
