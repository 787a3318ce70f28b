import assert from "node:assert/strict";
import { test } from "node:test";

import { heard, moment, replay, begin, live, refused } from "../../src/replay";
import { Timeline, line, most, span } from "../../src/timeline";

const counts = (riding: number, waiting: number) => ({ riding, waiting, oldest: 0, free: 0, chairs: 0, off: 0, perMinute: 0 });

test("one sample a second, of the last five minutes", () => {
  const t = new Timeline();
  for (let n = 0; n < 1000; n++) t.add(10_000 + n * 500, counts(n, 0));
  assert.equal(t.samples.length, span / 1000 + 1);
  assert.equal(t.samples.at(-1)!.at - t.samples[0]!.at, span);
});

test("now is at the right, zero at the bottom", () => {
  assert.deepEqual(line([span, 0], [0, 10], span, 10, 200, 40), [[200, 40], [0, 0]]);
  assert.equal(most([[], [0]]), 1);
  assert.equal(most([[3], [7, 2]]), 7);
});

test("a replay runs from its first group on, some times as fast, until it has caught up", () => {
  begin(100_000, 4);
  const r = replay.peek()!;
  assert.equal(moment(r, 130_000), 100_000);
  heard(r, [{} as never], null, 130_000);
  assert.equal(moment(r, 131_000), 104_000);
  assert.equal(moment(r, 200_000), 200_000);
  live();
  assert.equal(moment(replay.peek(), 5), 5);
});

test("a refusal ends a replay, unless another one has begun", () => {
  begin(1, 1);
  const old = replay.peek()!;
  begin(2, 1);
  heard(old, [], "gone", 3);
  assert.notEqual(replay.peek(), null);
  heard(replay.peek()!, [], "gone", 3);
  assert.equal(replay.peek(), null);
  assert.equal(refused.peek(), "gone");
});
