import assert from "node:assert/strict";
import { test } from "node:test";

const entries: Record<string, string> = {};
globalThis.localStorage = { getItem: (name: string) => entries[name] ?? null } as never;
const { kept } = await import("../../src/kept");

test("a damaged entry is as good as none", async () => {
  for (const text of ["", "{", "null", "7", "[]", "{}", '{"token":"t"}']) {
    entries["e"] = text;
    assert.equal(kept("e", ["token", "name"] as never), null, text);
  }
  assert.equal(kept("none", ["token"] as never), null);
  entries["e"] = '{"token":"t","name":"n"}';
  assert.deepEqual(kept("e", ["token", "name"] as never), { token: "t", name: "n" });
});

test("pages are loaded whatever the browser has kept", async () => {
  for (const name of ["isuride.rider", "isuride.owner"]) entries[name] = '{"token":';
  const [rider, owner] = [await import("../../src/rider"), await import("../../src/owner")];
  assert.equal(rider.account.value, null);
  assert.equal(owner.account.value, null);
});
