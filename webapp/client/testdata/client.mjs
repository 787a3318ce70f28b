// Uses the TypeScript client as a page would: node client.mjs FOLDER SERVER PATIENCE. It registers a
// rider and tells as lines of JSON what it sees: the city, the rider's rides, and what the
// rider is told. A line on standard input is a ride to be rated.
import { createInterface } from "node:readline";

const [, , folder, server, patience] = process.argv;
const { Client } = await import(`${folder}/call.js`);
const { Feed } = await import(`${folder}/feed.js`);

const rider = await new Client(server).call("post", "/api/app/users", {
  header: { "Isuride-Session": "body" }, body: { username: "node", firstname: "No", lastname: "De", date_of_birth: "2009-05-27" },
});
const calls = new Client(server, rider.access_token);
await calls.call("post", "/api/app/payment-methods", { body: { token: "token-of-node" } });
const refused = await calls.call("get", "/api/app/nearby-chairs", { query: {} }).catch((error) => error);

let partials = 0;
const told = [];
const texts = (rows) => [...(rows?.values() ?? [])].map((row) => JSON.stringify(row)).sort();
const say = (more) => console.log(JSON.stringify({ partials, told, refused: [refused.status, refused.message], ...more }));
const feed = new Feed(server, (connected) => say({ connected }), Number(patience));
let city, rides;
const tell = () => say({ connected: true, rows: texts(city), rides: texts(rides) });
feed.subscribe("map", { table: "city" }, (group, tables) => {
  partials += group.filter((frame) => frame.action === "partial").length;
  city = tables.get("city");
  tell();
});
feed.subscribe("mine", { table: "rides", token: rider.access_token }, (group, tables) => { rides = tables.get("rides"); tell(); });
feed.subscribe("told", { table: "notifications", token: rider.access_token }, ([frame]) => {
  told.push(frame.data?.[0]?.status ?? frame.code ?? "nothing");
  tell();
});

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ride] = line.split(" ");
  if (what === "request") {
    const r = await calls.call("post", "/api/app/rides", { body: { pickup_coordinate: { latitude: 2, longitude: 3 }, destination_coordinate: { latitude: 7, longitude: 10 } } });
    say({ ride: r.ride_id });
  } else {
    await calls.call("post", "/api/app/rides/{ride_id}/evaluation", { path: { ride_id: ride }, body: { evaluation: 5 } });
  }
}
