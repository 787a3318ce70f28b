import assert from "node:assert/strict";
import { test } from "node:test";

import { type Frame, denied, refusalOf } from "../../src/connection";

const refused = (code: string): Frame[] => [{ table: "chairs", action: "error", keys: [], epoch: 0, seq: 0, prev: 0, code, message: `it is ${code}` }];

test("only a token that is nobody's ends a session", () => {
  for (const code of ["unknown_viewer", "no_right"]) assert.ok(denied(refused(code)), code);
  for (const code of ["closing", "busy", "too_slow", "internal", "not_kept"]) assert.ok(!denied(refused(code)), code);
});

test("what is asked again is no refusal", () => {
  assert.equal(refusalOf(refused("not_kept")), "it is not_kept");
  for (const code of ["closing", "busy"]) assert.equal(refusalOf(refused(code)), null, code);
});
