import assert from "node:assert/strict";
import { test } from "node:test";

import { View, hash, reach, townAt, towns } from "../../src/geometry";

const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);
const view = View.fit(towns[1]!.middle, reach, 800, 600);

test("a place on the screen is the place in the city", () => {
  const p = { x: 312.5, y: 287 };
  const back = view.toCity(view.toScreen(p));
  near(back.x, p.x);
  near(back.y, p.y);
  assert.ok(view.screenY(310) < view.screenY(300), "latitude runs upwards");
});

test("a town fits, with its margin", () => {
  for (const corner of [{ x: 250, y: 250 }, { x: 350, y: 350 }]) {
    const p = view.toScreen(corner);
    assert.ok(p.x > 0 && p.x < 800 && p.y > 0 && p.y < 600, JSON.stringify(p));
  }
});

test("a town is in the middle of what the figures leave free", () => {
  for (const [width, height, left] of [[1040, 700, 184], [620, 900, 184], [360, 300, 0]] as const) {
    const beside = View.fit(towns[0]!.middle, reach, width, height, left);
    near(beside.screenX(0), left + (width - left) / 2);
    assert.ok(beside.screenX(-reach) > left, `${width}`);
  }
});

test("zooming keeps the place under the pointer, between two ends", () => {
  const pointer = { x: 120, y: 450 };
  const before = view.toCity(pointer);
  for (const factor of [1.3, 0.8, 2]) {
    const after = view.zoomed(factor, pointer).toCity(pointer);
    near(after.x, before.x);
    near(after.y, before.y);
  }
  assert.equal(view.zoomed(1e9, pointer).scale, view.zoomed(1e6, pointer).scale);
  assert.equal(view.zoomed(1e-9, pointer).scale, view.zoomed(1e-6, pointer).scale);
});

test("nobody gets lost", () => {
  const far = view.panned(1e6, -1e6);
  assert.ok(far.center.x >= -2 * reach && far.center.y <= 300 + 2 * reach, JSON.stringify(far.center));
});

test("a flight begins and ends where it should", () => {
  const to = View.all(800, 600);
  assert.deepEqual(view.between(to, 0), view);
  near(view.between(to, 1).scale, to.scale);
  near(view.between(to, 1).center.x, to.center.x);
});

test("the nearer town", () => {
  assert.equal(townAt({ x: 140, y: 140 }).key, "chairtown");
  assert.equal(townAt({ x: 160, y: 160 }).key, "koshikake");
});

test("the plan's hash is spread, and stays", () => {
  const values = Array.from({ length: 1000 }, (_, n) => hash(n, -n, 1));
  assert.ok(values.every((v) => v >= 0 && v < 1));
  const mean = values.reduce((a, b) => a + b) / values.length;
  assert.ok(mean > 0.45 && mean < 0.55, String(mean));
  assert.equal(hash(3, 4, 5), hash(3, 4, 5));
});
