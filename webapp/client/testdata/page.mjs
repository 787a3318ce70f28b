// Runs the module of feed-client.md: node page.mjs MODULE SERVER. Prints the copy after each
// group, as a line of JSON: how many partials there were, and the rows as texts.
const [, , module, server] = process.argv;
const { keepCity } = await import(module);
class Counted extends Map {
  partials = 0;
  clear() { this.partials++; super.clear(); }
}
await keepCity(server, new Counted(), (rows, connected) => {
  console.log(JSON.stringify({ connected, partials: rows.partials, rows: [...rows.values()].map((row) => JSON.stringify(row)).sort() }));
});
