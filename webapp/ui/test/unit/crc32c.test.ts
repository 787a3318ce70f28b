import assert from "node:assert/strict";
import { test } from "node:test";

import { crc32c } from "../../src/crc32c";

test("a checksum is the published one, whatever the order of the rows", () => {
  assert.equal(crc32c([]), "00000000");
  assert.equal(crc32c([{ id: "b", n: null }, { id: "a", n: 1 }]), crc32c([{ id: "a", n: 1 }, { id: "b", n: null }]));
  assert.notEqual(crc32c([{ id: "a", n: 1 }]), crc32c([{ id: "a", n: 2 }]));
});
