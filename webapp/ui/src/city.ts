// The city as it is drawn: chairs between two reports, riders who wait, and what has just
// happened. It is fed rows of the table `city` and knows nothing of how they came.

import { type Point, clamp } from "./geometry";

// Row is what the feed tells of a chair or a ride. An update has only what changed.
export interface Row {
  id: string;
  kind?: "chair" | "ride";
  active?: boolean;
  speed?: number;
  status?: Status;
  since?: number; // in milliseconds
  chair?: string | null;
  latitude?: number | null;
  longitude?: number | null;
}

export type Status = "MATCHING" | "ENROUTE" | "PICKUP" | "CARRYING" | "ARRIVED" | "COMPLETED";

// Look says how a chair is drawn.
export type Look = "free" | "coming" | "carrying" | "off";

// Trail is how many places a chair leaves behind it.
const trailLength = 20;

// Chair moves evenly from where it was drawn when its last report came to where that says,
// in the time that the reports are apart. So nothing jumps, and it is a little late.
export class Chair {
  active = false;
  speed = 0;
  ride: Ride | null = null;
  known = false; // has reported a place
  heading = 0; // radians, 0 to the right, against the clock

  private from: Point = { x: 0, y: 0 };
  private to: Point = { x: 0, y: 0 };
  private began = 0;
  private takes = 1;
  private readonly trail: Point[] = [];

  constructor(readonly id: string) {}

  get look(): Look {
    if (this.ride) return this.ride.status === "CARRYING" || this.ride.status === "ARRIVED" ? "carrying" : "coming";
    return this.active ? "free" : "off";
  }

  // reported takes a new place at a time in milliseconds.
  reported(place: Point, now: number): void {
    const here = this.place(now);
    if (!this.known || far(here, place)) {
      this.known = true;
      this.from = this.to = place;
      this.trail.length = 0;
      this.began = now;
      return;
    }
    if (place.x === this.to.x && place.y === this.to.y) return;
    this.heading = Math.atan2(place.y - here.y, place.x - here.x);
    this.trail.push(here);
    if (this.trail.length > trailLength) this.trail.shift();
    this.from = here;
    this.to = place;
    this.takes = clamp(now - this.began, 60, 1500);
    this.began = now;
  }

  // place returns where the chair is drawn.
  place(now: number): Point {
    const t = clamp((now - this.began) / this.takes, 0, 1);
    return {
      x: this.from.x + (this.to.x - this.from.x) * t,
      y: this.from.y + (this.to.y - this.from.y) * t,
    };
  }

  // target is the place that was reported last.
  get target(): Point {
    return this.to;
  }

  // rests says that it has arrived where it last reported.
  rests(now: number): boolean {
    return now - this.began >= this.takes;
  }

  // track is what the chair leaves behind it, and fresh how much of that is still seen.
  get track(): readonly Point[] {
    return this.trail;
  }

  fresh(now: number): number {
    return clamp(1 - (now - this.began - this.takes) / 4000, 0, 1);
  }
}

// far tells a chair that was carried to another town from one that drove.
function far(a: Point, b: Point): boolean {
  return Math.abs(a.x - b.x) + Math.abs(a.y - b.y) > 60;
}

export interface Ride {
  readonly id: string;
  place: Point; // where the rider waits
  status: Status;
  since: number; // when the status was entered, in milliseconds
  asked: number; // when the ride was asked for, or first seen
  chair: string | null;
}

// Flash is something that happened and fades.
export interface Flash {
  kind: "match" | "done";
  at: number;
  from: Point;
  to: Point;
}

// flashLasts is in milliseconds.
export const flashLasts = 600;

// Counts are the figures of the moment.
export interface Counts {
  riding: number; // rides that have a chair
  waiting: number;
  oldest: number; // wait, in seconds
  free: number;
  chairs: number; // that are switched on or in a ride
  off: number;
  perMinute: number; // rides completed in the last minute
}

export class City {
  readonly chairs = new Map<string, Chair>();
  readonly rides = new Map<string, Ride>();
  flashes: Flash[] = [];
  readonly heat = new Heat();
  private done: number[] = []; // when rides were completed, in the last minute

  // replace begins anew with all rows there are.
  replace(rows: readonly Row[], now: number): void {
    this.chairs.clear();
    this.rides.clear();
    this.flashes = [];
    for (const row of rows) this.put(row, now, false);
    for (const ride of this.rides.values()) this.seat(ride);
  }

  // put inserts or updates a row. lively says that it tells of something new.
  put(row: Row, now: number, lively = true): void {
    if (row.kind === "chair" || this.chairs.has(row.id)) this.putChair(row, now);
    else if (row.kind === "ride" || this.rides.has(row.id)) this.putRide(row, now, lively);
  }

  // drop deletes a row: that of a ride goes with its completion.
  drop(id: string, now: number): void {
    this.chairs.delete(id);
    const ride = this.rides.get(id);
    if (ride) this.completed(ride, now);
  }

  private putChair(row: Row, now: number): void {
    let chair = this.chairs.get(row.id);
    if (!chair) {
      chair = new Chair(row.id);
      this.chairs.set(row.id, chair);
    }
    if (row.active !== undefined) chair.active = row.active;
    if (row.speed !== undefined) chair.speed = row.speed;
    if (row.latitude != null && row.longitude != null) chair.reported({ x: row.longitude, y: row.latitude }, now);
  }

  private putRide(row: Row, now: number, lively: boolean): void {
    let ride = this.rides.get(row.id);
    if (!ride) {
      const place = { x: row.longitude ?? 0, y: row.latitude ?? 0 };
      const since = time(row.since, now);
      ride = { id: row.id, place, status: row.status ?? "MATCHING", since, asked: since, chair: null };
      this.rides.set(row.id, ride);
      if (lively) this.heat.add(place, now);
    }
    if (row.status && row.status !== ride.status) {
      ride.status = row.status;
      ride.since = time(row.since, now);
    }
    if (row.chair !== undefined && row.chair !== ride.chair) {
      ride.chair = row.chair;
      if (lively) this.matched(ride, now);
      this.seat(ride);
    }
    if (ride.status === "COMPLETED") this.completed(ride, now);
  }

  private seat(ride: Ride): void {
    const chair = ride.chair === null ? undefined : this.chairs.get(ride.chair);
    if (chair && ride.status !== "COMPLETED") chair.ride = ride;
  }

  private leave(ride: Ride): void {
    const chair = ride.chair === null ? undefined : this.chairs.get(ride.chair);
    if (chair?.ride === ride) chair.ride = null;
  }

  private matched(ride: Ride, now: number): void {
    const chair = ride.chair === null ? undefined : this.chairs.get(ride.chair);
    if (chair?.known) this.flash({ kind: "match", at: now, from: chair.place(now), to: ride.place });
  }

  private completed(ride: Ride, now: number): void {
    const chair = ride.chair === null ? undefined : this.chairs.get(ride.chair);
    const place = chair?.known ? chair.place(now) : ride.place;
    this.flash({ kind: "done", at: now, from: place, to: place });
    this.done.push(now);
    this.leave(ride);
    this.rides.delete(ride.id);
  }

  private flash(f: Flash): void {
    this.flashes.push(f);
    if (this.flashes.length > 400) this.flashes.splice(0, this.flashes.length - 400);
  }

  // settle forgets what has faded. It is called from time to time, also while nothing is drawn.
  settle(now: number): void {
    if (this.flashes.length > 0) this.flashes = this.flashes.filter((f) => now - f.at < flashLasts);
    while (this.done.length > 0 && now - this.done[0]! > 60_000) this.done.shift();
    this.heat.settle(now);
  }

  counts(now: number): Counts {
    const c: Counts = { riding: 0, waiting: 0, oldest: 0, free: 0, chairs: 0, off: 0, perMinute: this.done.length };
    for (const ride of this.rides.values()) {
      if (ride.chair === null) {
        c.waiting++;
        c.oldest = Math.max(c.oldest, (now - ride.asked) / 1000);
      } else {
        c.riding++;
      }
    }
    for (const { look } of this.chairs.values()) {
      if (look === "off") c.off++;
      else c.chairs++;
      if (look === "free") c.free++;
    }
    return c;
  }
}

// time takes a time of the feed. A clock that is ahead of ours is taken for ours.
function time(ms: number | undefined, now: number): number {
  return ms === undefined ? now : Math.min(ms, now);
}

// Heat is where rides were asked for lately: cells of the grid that the city rounds to.
export class Heat {
  static readonly cell = 5;
  private readonly cells = new Map<string, { place: Point; level: number; at: number }>();

  add(place: Point, now: number): void {
    const key = place.x + ":" + place.y;
    const cell = this.cells.get(key) ?? { place, level: 0, at: now };
    cell.level = faded(cell.level, now - cell.at) + 1;
    cell.at = now;
    this.cells.set(key, cell);
  }

  // each visits the cells that are still warm.
  each(now: number, visit: (place: Point, level: number) => void): void {
    for (const cell of this.cells.values()) {
      const level = faded(cell.level, now - cell.at);
      if (level >= cold) visit(cell.place, level);
    }
  }

  // settle forgets the cells that are cold.
  settle(now: number): void {
    for (const [key, cell] of this.cells) if (faded(cell.level, now - cell.at) < cold) this.cells.delete(key);
  }

  get size(): number {
    return this.cells.size;
  }
}

// cold is a level that nobody sees.
const cold = 0.05;

// faded halves each 30 s.
function faded(level: number, age: number): number {
  return level * 0.5 ** (age / 30_000);
}
