// A moment of the past that is looked at: the server tells the city again from there, as it
// was, some times as fast, until it has caught up.

import { signal } from "@preact/signals";

import type { Frame } from "./connection";

export interface Replay {
  readonly from: number; // the moment it began with, in milliseconds
  readonly speed: number; // times as fast as it took place
  began: number; // by our clock; 0 until the server has told the first of it
}

export const speeds = [1, 2, 4, 8] as const;

export const replay = signal<Replay | null>(null);
export const refused = signal<string | null>(null); // why there is none, in the server's words

export function begin(from: number, speed: number): void {
  refused.value = null;
  replay.value = { from, speed, began: 0 };
}

export function live(): void {
  replay.value = null;
}

// heard is told of the groups of a replay: the first one starts its clock, a refusal ends it.
export function heard(r: Replay, group: readonly Frame[], refusal: string | null, now: number): void {
  if (replay.peek() !== r) return;
  if (refusal !== null) {
    refused.value = refusal;
    live();
  } else if (r.began === 0 && group.length > 0) {
    r.began = now;
  }
}

// moment returns the time that is shown.
export function moment(r: Replay | null, now: number): number {
  if (r === null) return now;
  return r.began === 0 ? r.from : Math.min(now, r.from + (now - r.began) * r.speed);
}
