import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.localStorage = { getItem: () => null } as never;
const { csv } = await import("../../src/owner");

test("a spreadsheet takes names for text", () => {
  const file = csv({ total: 7, models: [], chairs: [{ id: "1", name: `=HYPERLINK("x")`, sales: 7 }, { id: "2", name: "a,b", sales: 0 }] });
  assert.equal(file, `id,name,sales\r\n"1","'=HYPERLINK(""x"")",7\r\n"2","a,b",0\r\n`);
});
