// The operator of this browser: a token that stays for as long as its tab is open, the
// matches since the page has it, and what is known of one of them.

import { batch, signal } from "@preact/signals";

import { type Frame, denied, subscribe } from "./connection";
import type { Match } from "./decision";

const stored = "isuride.operator";

// matchesKept bounds what the figures are made of; older ones are in the journal (isuride inspect).
const matchesKept = 2000;

export const token = signal<string | null>(sessionStorage.getItem(stored));
export const wrong = signal(false); // the server does not take the token
export const matches = signal<readonly Match[]>([]); // the newest first
export const chosen = signal<Match | null>(null);

// Details are the rows about a match, by table and id.
export type Details = ReadonlyMap<string, ReadonlyMap<string, Record<string, unknown>>>;

export const details = signal<Details>(new Map());

export function enter(text: string): void {
  wrong.value = false;
  sessionStorage.setItem(stored, text.trim());
  token.value = text.trim();
}

export function leave(): void {
  sessionStorage.removeItem(stored);
  batch(() => {
    token.value = chosen.value = null;
    matches.value = [];
    details.value = new Map();
  });
}

// follow keeps the matches up to date until the function that it returns is called.
export function follow(as: string): () => void {
  return subscribe({ table: "matches", token: as }, (group) => {
    if (denied(group)) {
      wrong.value = true;
      leave();
      return;
    }
    const made = group.flatMap((f: Frame) => (f.action === "insert" ? (f.data ?? []) : [])) as unknown as Match[];
    if (made.length > 0) matches.value = [...made.toReversed(), ...matches.peek()].slice(0, matchesKept);
  });
}

// lookUp follows the rows about a match: its ride and the chairs that were considered, then
// the ride's user.
export function lookUp(as: string, m: Match): () => void {
  const chairs = [m.chair_id, ...(m.lost ?? []).map((l) => l.chair_id)].filter((id) => id !== null);
  const filter = `rides.id=${m.ride_id},statuses.ride_id=${m.ride_id},payments.ride_id=${m.ride_id},chairs.id=${chairs.join("|")}`;
  let endUser: (() => void) | null = null;
  let found: Details = new Map();
  let users: Details = new Map();
  const publish = () => (details.value = new Map([...found, ...users]));
  const end = subscribe({ table: "rides,statuses,payments,chairs", filter, token: as }, (_, tables) => {
    found = new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
    const user = tables.get("rides")?.get(m.ride_id)?.["user_id"];
    if (typeof user === "string")
      endUser ??= subscribe({ table: "users", filter: `id=${user}`, token: as }, (_, rows) => {
        users = new Map([...rows].map(([name, of]) => [name, new Map(of)]));
        publish();
      });
    publish();
  });
  return () => {
    end();
    endUser?.();
    details.value = new Map();
  };
}

// lives are the rows about what is selected on the map, for the drawer beside it.
export const lives = signal<Details>(new Map());

// lookAt follows the chair and the ride that have these pseudonyms in the city: their rows, then those
// of the chair's owner and the ride's user.
export function lookAt(as: string, chair: string | undefined, ride: string | undefined): () => void {
  const ends: (() => void)[] = [];
  const found = new Map<string, ReadonlyMap<string, Record<string, unknown>>>();
  const asked = new Set<string>();
  const ask = (table: string, filter: string) => {
    if (asked.has(filter)) return;
    asked.add(filter);
    ends.push(subscribe({ table, filter, token: as }, (_, tables) => {
      for (const [name, rows] of tables) found.set(name, new Map(rows));
      lives.value = new Map(found);
      for (const row of tables.get("chairs")?.values() ?? []) ask("owners", `owners.id=${row["owner_id"]}`);
      for (const row of tables.get("rides")?.values() ?? []) {
        ask("users", `users.id=${row["user_id"]}`);
        ask("statuses,payments", `statuses.ride_id=${row["id"]},payments.ride_id=${row["id"]}`);
      }
    }));
  };
  if (chair) ask("chairs", `chairs.city_id=${chair}`);
  if (ride) ask("rides", `rides.city_id=${ride}`);
  return () => {
    for (const end of ends) end();
    lives.value = new Map();
  };
}

// Figures are of the matches that are kept, those of the last minute.
export interface Figures {
  perMinute: number;
  pickup: number; // mean way to the rider, in ticks
  waited: number; // share of rides that had waited past their time
  lost: number; // share of matches in which a cheaper chair was worth more to another ride
}

export function figures(all: readonly Match[], now: number): Figures {
  const of = all.filter((m) => now - m.matched_at < 60_000);
  const share = (f: (m: Match) => boolean) => (of.length === 0 ? 0 : of.filter(f).length / of.length);
  return {
    perMinute: of.length,
    pickup: of.length === 0 ? 0 : of.reduce((sum, m) => sum + (m.pickup ?? 0), 0) / of.length / 1000,
    waited: share((m) => m.class === "overdue"),
    lost: share((m) => (m.lost ?? []).some((l) => l.pickup + l.carry < m.pickup + m.carry)),
  };
}
