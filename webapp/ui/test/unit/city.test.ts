import assert from "node:assert/strict";
import { test } from "node:test";

import { City, flashLasts } from "../../src/city";

const began = 1_000_000;

function city(): City {
  const c = new City();
  c.replace([
    { id: "c1", kind: "chair", active: true, speed: 2, latitude: 0, longitude: 0 },
    { id: "c2", kind: "chair", active: false, speed: 3, latitude: null, longitude: null },
    { id: "r1", kind: "ride", status: "MATCHING", since: began - 5000, chair: null, latitude: 10, longitude: 20 },
  ], began);
  return c;
}

test("a partial says since when a rider waits", () => {
  const { waiting, oldest, free, chairs, off } = city().counts(began + 1000);
  assert.deepEqual({ waiting, oldest, free, chairs, off }, { waiting: 1, oldest: 6, free: 1, chairs: 1, off: 1 });
});

test("a clock that is ahead of ours is taken for ours", () => {
  const c = city();
  c.put({ id: "r2", kind: "ride", status: "MATCHING", since: began + 60_000, chair: null, latitude: 0, longitude: 0 }, began);
  assert.equal(c.rides.get("r2")!.asked, began);
});

test("a chair moves evenly, never jumps, and arrives", () => {
  const c = city();
  const chair = c.chairs.get("c1")!;
  c.put({ id: "c1", latitude: 0, longitude: 5 }, began + 500);
  let last = chair.place(began + 500).x;
  assert.equal(last, 0);
  for (let t = 520; t <= 1000; t += 20) {
    const x = chair.place(began + t).x;
    assert.ok(x >= last && x - last < 0.5, `from ${last} to ${x}`);
    last = x;
  }
  assert.equal(last, 5);
  assert.equal(chair.heading, 0);
  c.put({ id: "c1", latitude: 5, longitude: 5 }, began + 800); // on the way: goes on from where it is
  assert.equal(chair.place(began + 800).x, 3);
});

test("a chair that is carried to the other town does not cross the map", () => {
  const c = city();
  c.put({ id: "c1", latitude: 300, longitude: 300 }, began + 500);
  assert.deepEqual(c.chairs.get("c1")!.place(began + 500), { x: 300, y: 300 });
  assert.equal(c.chairs.get("c1")!.track.length, 0);
});

test("a ride from its match to its end", () => {
  const c = city();
  const look = () => c.chairs.get("c1")!.look;
  assert.equal(look(), "free");
  c.put({ id: "r1", chair: "c1" }, began + 100);
  assert.equal(look(), "coming");
  assert.equal(c.flashes.length, 1);
  c.put({ id: "r1", status: "CARRYING", since: began + 900 }, began + 1000);
  assert.equal(look(), "carrying");
  c.put({ id: "r1", status: "COMPLETED", since: began + 2000 }, began + 2000);
  assert.equal(look(), "free");
  assert.equal(c.rides.size, 0);
  assert.equal(c.counts(began + 2000).perMinute, 1);
  c.settle(began + 2000 + flashLasts);
  assert.equal(c.flashes.length, 0);
  c.settle(began + 63_000);
  assert.equal(c.counts(began + 63_000).perMinute, 0);
});

test("rows of things that nobody told of change nothing", () => {
  const c = city();
  c.put({ id: "c9", latitude: 1, longitude: 1 }, began);
  c.drop("r9", began);
  assert.equal(c.chairs.size, 2);
  assert.equal(c.counts(began).perMinute, 0);
});

test("demand fades by half in 30 s", () => {
  const c = city();
  c.put({ id: "r2", kind: "ride", status: "MATCHING", since: began, chair: null, latitude: 0, longitude: 0 }, began);
  const levels: number[] = [];
  c.heat.each(began + 30_000, (_, level) => levels.push(level));
  assert.deepEqual(levels, [0.5]);
  c.heat.each(began + 300_000, () => assert.fail("it is cold"));
});
