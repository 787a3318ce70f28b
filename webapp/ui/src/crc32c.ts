// The checksum of a table, as the feed makes it: of its rows as text, sorted, each with a newline.

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let rest = n;
  for (let k = 0; k < 8; k++) rest = rest & 1 ? 0x82f63b78 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

export function crc32c(rows: readonly object[]): string {
  const encoder = new TextEncoder();
  let sum = 0xffffffff;
  for (const row of rows.map((r) => JSON.stringify(r)).sort())
    for (const byte of encoder.encode(`${row}\n`)) sum = table[(sum ^ byte) & 255]! ^ (sum >>> 8);
  return (~sum >>> 0).toString(16).padStart(8, "0");
}
