// A city that this page drives over the public interface: chairs that obey their
// notifications, and riders who order, wait, pay and rate. All their sessions share the
// page's one connection.

import { signal } from "@preact/signals";

import { type Frame, type Row, CallError, as, denied, subscribe } from "./connection";
import { type Point, reach, towns } from "./geometry";
import { kept } from "./kept";

// Settings can be changed while the city lives.
export interface Settings {
  chairs: number; // 1 to 500
  riders: number; // 1 to 500
  demand: number; // orders a minute of each rider who is at home
  pace: number; // 1 is a speed that the eye can follow
  patience: number; // seconds that a rider looks for a chair before going home
}

export const standard: Settings = { chairs: 50, riders: 60, demand: 6, pace: 1, patience: 20 };

// Progress is what the page shows of the simulation.
export interface Progress {
  state: "idle" | "starting" | "running" | "stopping";
  chairs: number;
  riders: number;
  rides: number;
  gaveUp: number;
  refused: number; // calls that the server refused for the moment
  trouble: string | null; // the last call that failed for good
}

const nothing: Progress = { state: "idle", chairs: 0, riders: 0, rides: 0, gaveUp: 0, refused: 0, trouble: null };

export const progress = signal<Progress>(nothing);
export const settings = signal<Settings>(standard);

// rush is how many times the demand of the settings riders have now. The settings stay the reader's own.
export const rush = signal(1);

// beginRush has riders order more often for a while.
export function beginRush(times: number, ms: number): void {
  rush.value = times;
  setTimeout(() => (rush.value = 1), ms);
}

// models are some of the catalogue, one for each speed.
const models = ["EasySit", "ErgoFlex", "LuxeThrone", "Phoenix Ultra"] as const;

// step is the time between two moves of a chair, in milliseconds. It grows with their
// number, so that a browser can make the calls.
export function step(chairs: number): number {
  return Math.max(250, 4 * chairs);
}

export class Simulator {
  private chairs: SimulatedChair[] = [];
  private riders: SimulatedRider[] = [];
  private registerToken = "";
  private ended = false;
  private generation = 0; // of the accounts: an initialize ends the sessions of all
  private expired = false; // those of this generation have ended

  // start registers everybody and lets them go. It is done when the first are there.
  async start(): Promise<void> {
    this.report({ ...nothing, state: "starting" });
    if (!(await this.hire())) return;
    this.resume();
    addEventListener("pagehide", this.remember);
    this.report({ state: "running" });
    void this.populate();
  }

  // stop switches the chairs off. Rides under way end first, unless the page is closed.
  async stop(): Promise<void> {
    this.ended = true;
    removeEventListener("pagehide", this.remember);
    this.report({ state: "stopping" });
    for (const rider of this.riders) rider.leave();
    await Promise.all(this.chairs.map((c) => c.retire()));
    for (const rider of this.riders) rider.close();
    this.report(nothing);
  }

  get over(): boolean {
    return this.ended;
  }

  // hire registers the owner of the chairs, and reports whether there is one.
  private async hire(): Promise<boolean> {
    const owner = await this.insist(() =>
      as().call("post", "/api/owner/owners", { body: { name: unique("Simulator") }, header: { "Isuride-Session": "body" } }),
    );
    if (owner) this.registerToken = owner.chair_register_token;
    return owner !== undefined;
  }

  // expire says that a session has ended. So have all: one does not end alone.
  expire(): void {
    this.expired = true;
  }

  // renew sends everybody away, and lets others be registered.
  private async renew(): Promise<void> {
    this.generation++;
    for (const one of [...this.chairs, ...this.riders]) one.close();
    this.chairs = [];
    this.riders = [];
    await pause(500); // even if this happens again and again
    this.expired = !(await this.hire());
  }

  // populate keeps the numbers of chairs and riders at those of the settings.
  private async populate(): Promise<void> {
    while (!this.ended) {
      if (this.expired) await this.renew();
      if (this.expired) continue;
      const wanted = settings.peek();
      if (this.chairs.length < wanted.chairs) await this.addChair();
      if (this.riders.length < wanted.riders) await this.addRider();
      while (this.chairs.length > wanted.chairs) void this.chairs.pop()!.retire();
      while (this.riders.length > wanted.riders) this.riders.pop()!.leave();
      this.report({ chairs: this.chairs.length, riders: this.riders.length });
      if (this.chairs.length >= wanted.chairs && this.riders.length >= wanted.riders) await pause(500);
    }
  }

  // remember keeps who is on the road for the next start, since a page that is closed cannot
  // wait for rides to end, and a chair that nobody drives would keep its rider for ever.
  private readonly remember = (): void => {
    localStorage.setItem(stored, JSON.stringify({ chairs: this.chairs.map((c) => c.memory), riders: this.riders.map((r) => r.memory) } satisfies Memory));
    for (const c of this.chairs) c.abandon();
  };

  // resume takes over who was on the road when the page was closed last.
  private resume(): void {
    const memory = kept<Memory>(stored, ["chairs", "riders"]);
    localStorage.removeItem(stored);
    if (memory === null) return;
    for (const c of memory.chairs) this.chairs.push(new SimulatedChair(this, c.token, c.place, c.speed));
    for (const r of memory.riders) this.riders.push(new SimulatedRider(this, r.token, r.place));
  }

  private async addChair(): Promise<void> {
    const n = this.chairs.length;
    const model = models[n % models.length]!;
    const row = await this.insist(() =>
      as().call("post", "/api/chair/chairs", {
        body: { name: `${n + 1}`, model, chair_register_token: this.registerToken },
        header: { "Isuride-Session": "body" },
      }),
    );
    if (row) this.chairs.push(new SimulatedChair(this, row.access_token!, anywhere(), speeds[n % speeds.length]!));
  }

  private async addRider(): Promise<void> {
    const name = unique("sim");
    const user = await this.insist(() =>
      as().call("post", "/api/app/users", {
        body: { username: name, firstname: "Sim", lastname: "Rider", date_of_birth: "2000-01-01" },
        header: { "Isuride-Session": "body" },
      }),
    );
    if (!user) return;
    const token = user.access_token!;
    await this.insist(() => as(token).call("post", "/api/app/payment-methods", { body: { token: name } }));
    this.riders.push(new SimulatedRider(this, token, anywhere()));
  }

  // insist repeats a call that is refused for the moment, not before the server wants to be asked
  // again. It returns undefined if the call failed for good, or nobody waits for it any longer.
  async insist<T>(call: () => Promise<T>): Promise<T | undefined> {
    const { generation } = this;
    for (let wait = 500; ; wait = Math.min(2 * wait, 5000)) {
      try {
        return await call();
      } catch (e) {
        if (e instanceof CallError && e.status === 401) {
          if (generation === this.generation) this.expire();
          return undefined;
        }
        const passing = !(e instanceof CallError) || e.status === 503 || e.status === 429 || e.status === 502;
        if (!passing) {
          this.report({ trouble: (e as Error).message });
          return undefined;
        }
        this.report({ refused: progress.peek().refused + 1 });
        if (this.ended || generation !== this.generation) return undefined;
        await pause(Math.max(wait * (0.5 + Math.random()), e instanceof CallError ? 1000 * (e.retryAfter ?? 0) : 0));
      }
    }
  }

  report(part: Partial<Progress>): void {
    progress.value = { ...progress.peek(), ...part };
  }
}

const speeds = [2, 3, 5, 7] as const;

// Notice is a notification, to a user or a chair.
interface Notice {
  ride_id: string;
  status: string;
  pickup_coordinate: { latitude: number; longitude: number };
  destination_coordinate: { latitude: number; longitude: number };
}

// follow calls f with each notification of a session, and tells the city of its end.
function follow(city: Simulator, token: string, f: (n: Notice) => void): () => void {
  return subscribe({ table: "notifications", token }, (group: Frame[]) => {
    if (denied(group)) city.expire();
    for (const frame of group) for (const row of (frame.data ?? []) as Row[]) f(row as unknown as Notice);
  });
}

const stored = "isuride.simulator";

interface Memory {
  chairs: { token: string; place: Point; speed: number }[];
  riders: { token: string; place: Point }[];
}

class SimulatedChair {
  private goal: Point | null = null;
  private ride: string | null = null;
  private readonly unfollow: () => void;
  private retired = false;
  private closed = false; // its session has ended
  private freed: (() => void) | null = null;

  constructor(
    private readonly city: Simulator,
    private readonly token: string,
    private place: Point,
    private readonly speed: number,
  ) {
    this.unfollow = follow(city, token, (n) => void this.told(n));
    void this.live();
  }

  private async live(): Promise<void> {
    await this.at();
    await this.city.insist(() => as(this.token).call("post", "/api/chair/activity", { body: { is_active: true } }));
    while (!this.retired || this.ride) {
      await pause(step(settings.peek().chairs) * (0.9 + 0.2 * Math.random()));
      if (this.goal) await this.drive(this.goal);
    }
    if (!this.closed) await this.city.insist(() => as(this.token).call("post", "/api/chair/activity", { body: { is_active: false } }));
    this.unfollow();
    this.freed?.();
  }

  get memory(): Memory["chairs"][number] {
    return { token: this.token, place: this.place, speed: this.speed };
  }

  // abandon switches the chair off from a page that is being closed, if it has no ride.
  abandon(): void {
    if (!this.ride) void as(this.token, true).call("post", "/api/chair/activity", { body: { is_active: false } }).catch(() => {});
  }

  // retire ends the chair's work after its ride.
  retire(): Promise<void> {
    this.retired = true;
    return Promise.race([new Promise<void>((done) => (this.freed = done)), pause(15_000)]);
  }

  // close ends a chair whose session has ended.
  close(): void {
    this.retired = this.closed = true;
    this.ride = this.goal = null;
    this.unfollow();
  }

  private async told(n: Notice): Promise<void> {
    this.ride = n.status === "COMPLETED" ? null : n.ride_id;
    switch (n.status) {
      case "MATCHING":
        await this.advance(n.ride_id, "ENROUTE");
        break;
      case "ENROUTE":
        this.goal = point(n.pickup_coordinate);
        break;
      case "PICKUP":
        await pause(600);
        await this.advance(n.ride_id, "CARRYING");
        break;
      case "CARRYING":
        this.goal = point(n.destination_coordinate);
        break;
      case "COMPLETED":
        this.goal = null;
        break;
    }
  }

  private async advance(ride: string, status: "ENROUTE" | "CARRYING"): Promise<void> {
    await this.city.insist(() => as(this.token).call("post", "/api/chair/rides/{ride_id}/status", { path: { ride_id: ride }, body: { status } }));
  }

  private async drive(goal: Point): Promise<void> {
    let left = Math.max(1, Math.round((this.speed * settings.peek().pace * step(settings.peek().chairs)) / 500));
    const along = (from: number, to: number): number => {
      const move = Math.sign(to - from) * Math.min(left, Math.abs(to - from));
      left -= Math.abs(move);
      return from + move;
    };
    this.place = { x: along(this.place.x, goal.x), y: along(this.place.y, goal.y) };
    await this.at();
    if (this.place.x === goal.x && this.place.y === goal.y && this.goal === goal) this.goal = null;
  }

  private async at(): Promise<void> {
    await this.city.insist(() => as(this.token).call("post", "/api/chair/coordinate", { body: { latitude: this.place.y, longitude: this.place.x } }));
  }
}

class SimulatedRider {
  private gone = false;
  private readonly unfollow: () => void;
  private over: (() => void) | null = null;

  constructor(
    private readonly city: Simulator,
    private readonly token: string,
    private place: Point,
  ) {
    this.unfollow = follow(city, token, (n) => void this.told(n));
    void this.live();
  }

  get memory(): Memory["riders"][number] {
    return { token: this.token, place: this.place };
  }

  leave(): void {
    this.gone = true;
  }

  close(): void {
    this.leave();
    this.unfollow();
    this.over?.();
  }

  private async live(): Promise<void> {
    while (!this.gone) {
      await pause((60_000 / Math.max(0.1, rush.peek() * settings.peek().demand)) * -Math.log(1 - Math.random() * 0.98));
      if (this.gone || !(await this.findsChair())) continue;
      await this.travel();
    }
    this.unfollow();
  }

  // findsChair looks until there is a free chair nearby or patience ends.
  private async findsChair(): Promise<boolean> {
    const until = Date.now() + settings.peek().patience * 1000;
    while (!this.gone) {
      const near = await this.city.insist(() =>
        as(this.token).call("get", "/api/app/nearby-chairs", { query: { latitude: this.place.y, longitude: this.place.x, distance: 50 } }),
      );
      if (near && near.chairs.length > 0) return true;
      if (Date.now() > until) break;
      await pause(1500);
    }
    this.city.report({ gaveUp: progress.peek().gaveUp + 1 });
    return false;
  }

  private async travel(): Promise<void> {
    const to = elsewhere(this.place);
    const ended = new Promise<void>((done) => (this.over = done));
    const ordered = await this.city.insist(() =>
      as(this.token).call("post", "/api/app/rides", { body: { pickup_coordinate: coordinate(this.place), destination_coordinate: coordinate(to) } }),
    );
    if (!ordered) return;
    await ended;
    this.place = to;
  }

  private async told(n: Notice): Promise<void> {
    if (n.status === "ARRIVED") {
      await pause(400);
      const evaluation = 3 + Math.floor(3 * Math.random());
      await this.city.insist(() => as(this.token).call("post", "/api/app/rides/{ride_id}/evaluation", { path: { ride_id: n.ride_id }, body: { evaluation } }));
    }
    if (n.status === "COMPLETED" && this.over) {
      this.over();
      this.over = null;
      this.city.report({ rides: progress.peek().rides + 1 });
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function unique(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return `${prefix}-${Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("")}`;
}

// anywhere is a place in one of the towns, the first of which has more people.
function anywhere(): Point {
  const { middle } = towns[Math.random() < 0.6 ? 0 : 1]!;
  return { x: middle.x + offset(), y: middle.y + offset() };
}

function elsewhere(from: Point): Point {
  const { middle } = towns[Math.hypot(from.x, from.y) < 200 ? 0 : 1]!;
  return { x: middle.x + offset(), y: middle.y + offset() };
}

function offset(): number {
  return Math.round((Math.random() * 2 - 1) * (reach - 4));
}

function point(c: { latitude: number; longitude: number }): Point {
  return { x: c.longitude, y: c.latitude };
}

function coordinate(p: Point): { latitude: number; longitude: number } {
  return { latitude: p.y, longitude: p.x };
}
