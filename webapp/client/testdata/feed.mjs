// Keeps a copy of the city with the TypeScript client: node feed.mjs FOLDER SERVER. Prints the copy
// after each group, as page.mjs does.
const [, , folder, server] = process.argv;
const { Feed } = await import(`${folder}/feed.js`);
let partials = 0, rows = [];
const say = (connected) => console.log(JSON.stringify({ connected, partials, rows }));
new Feed(server, say).subscribe("map", { table: "city" }, (group, tables) => {
  partials += group.filter((frame) => frame.action === "partial").length;
  rows = [...tables.get("city").values()].map((row) => JSON.stringify(row)).sort();
  say(true);
});
