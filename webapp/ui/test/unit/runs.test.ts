import assert from "node:assert/strict";
import { test } from "node:test";

import { readRuns } from "../../src/runs";

test("a history is read by time, without what is no record", () => {
  const line = (started: string, score: number, passed: boolean) => JSON.stringify({ started, score, passed, error_count: 2, format: 9 });
  const text = [line("2026-11-29T10:00:00Z", 200, true), '{"score": 1', "[]", "", line("2026-11-28T10:00:00Z", 100, false)].join("\n");
  assert.deepEqual(readRuns(text), [
    { started: Date.UTC(2026, 10, 28, 10), score: 100, pass: false, errors: 2 },
    { started: Date.UTC(2026, 10, 29, 10), score: 200, pass: true, errors: 2 },
  ]);
});
