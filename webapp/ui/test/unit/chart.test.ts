import assert from "node:assert/strict";
import { test } from "node:test";

import { apart, path, roundTimes, runs, ticks } from "../../src/chart";

test("an axis has round values, and ends at or above the largest", () => {
  for (const [max, want] of [[1, [0, 0.5, 1]], [3, [0, 1, 2, 3]], [7, [0, 2.5, 5, 7.5]], [240, [0, 100, 200, 300]], [400_000, [0, 200_000, 400_000]], [0.3, [0, 0.1, 0.2, 0.3]], [0, [0, 1]]] as const)
    assert.deepEqual(ticks(max), want, String(max));
  for (let max = 0.001; max < 1e9; max *= 1.7) {
    const all = ticks(max);
    assert.ok(all.at(-1)! >= max && all.at(-2)! < max && all.length <= 4, `${max}: ${all}`);
  }
});

test("a line is cut at its gaps", () => {
  assert.deepEqual(runs([[0, null], [1, 5], [2, 6], [3, null], [4, null], [5, 0]]), [[[1, 5], [2, 6]], [[5, 0]]]);
  assert.deepEqual(runs([]), []);
  assert.equal(path([[1, 2], [3.25, 4]]), "M1.0 2.0L3.3 4.0");
});

test("towns are apart, from west to east", () => {
  const cell = (x: number, y: number) => ({ x, y, v: 1 });
  const towns = apart([cell(300, 300), cell(0, 0), cell(20, 0), cell(320, 300), cell(100, 0), cell(40, 60)], 100);
  assert.deepEqual(towns.map((t) => t.map((c) => c.x).sort((a, b) => a - b)), [[0, 20, 40, 100], [300, 320]]);
  assert.deepEqual(apart([], 1), []);
});

test("times below a chart are round, and not too many", () => {
  const at = (h: number, m: number) => new Date(2026, 10, 29, h, m).getTime();
  const shown = (from: number, to: number, most: number) => roundTimes(from, to, most).map((v) => `${new Date(v).getHours()}:${new Date(v).getMinutes()}`);
  assert.deepEqual(shown(at(9, 0), at(9, 14), 5), ["9:0", "9:5", "9:10"]);
  assert.deepEqual(shown(at(9, 7), at(10, 6), 5), ["9:15", "9:30", "9:45", "10:0"]);
  assert.deepEqual(shown(at(0, 1), at(23, 59), 5), ["6:0", "12:0", "18:0"]);
  assert.ok(roundTimes(0, 0, 5).length <= 1);
});
