import assert from "node:assert/strict";
import { test } from "node:test";

import { type Match, type Terms, cost, decide } from "../../src/decision";

const chair = (chair_id: string, pickup: number, carry: number): Terms => ({ chair_id, pickup, carry });
const match = (pickup: number, carry: number, ...lost: Terms[]): Match => ({
  ...chair("chosen", pickup, carry), ride_id: "r", matched_at: 0, class: "ordinary", trip: -800, age: -10_000, lost,
});

test("the example of dispatch.md", () => {
  const m = match(2000, 0, chair("2", 1000, 0), chair("3", 2000, 1333));
  assert.equal(cost(m, m), -8800);
  assert.deepEqual(m.lost!.map((l) => cost(m, l)), [-9800, -7467]);
  assert.deepEqual(decide(m), { reason: "elsewhereNeeded", rival: m.lost![0], ticks: 1 });
});

for (const [name, m, reason, ticks] of [
  ["nobody else", match(1, 1), "only", 0],
  ["nearer", match(1000, 0, chair("b", 3500, 0)), "nearer", 2.5],
  ["nearer, though slower", match(1000, 500, chair("b", 3500, 0)), "slowerButNear", 2.5],
  ["farther, but faster", match(3000, -4000, chair("b", 1000, 1000)), "fasterForLong", 5],
  ["as near, and faster", match(1000, 0, chair("b", 1000, 2000)), "best", 2],
  ["equal", match(1000, 0, chair("b", 1000, 0)), "equal", 0],
  ["the closest of two rivals counts", match(1000, 0, chair("b", 9000, 0), chair("c", 2000, 0)), "nearer", 1],
  ["an earlier release", { ...chair("a", 0, 0), ride_id: "r", matched_at: 0 }, "unrecorded", 0],
] as [string, Match, string, number][]) {
  test(name, () => {
    const d = decide(m);
    assert.deepEqual([d.reason, d.ticks], [reason, ticks]);
  });
}
