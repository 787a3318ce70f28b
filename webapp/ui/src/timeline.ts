// The last minutes as figures, one sample a second.

import type { Counts } from "./city";

export interface Sample {
  at: number; // in milliseconds
  riding: number;
  waiting: number;
}

// span is how far back the line goes, in milliseconds.
export const span = 300_000;

export class Timeline {
  readonly samples: Sample[] = [];

  // add takes the counts of a moment, and forgets what is older than the span.
  add(at: number, c: Counts): void {
    if (at - (this.samples.at(-1)?.at ?? 0) < 1000) return;
    this.samples.push({ at, riding: c.riding, waiting: c.waiting });
    while (at - this.samples[0]!.at > span) this.samples.shift();
  }
}

// most returns the greatest value, at least 1, so that an empty line lies at the bottom.
export function most(series: readonly (readonly number[])[]): number {
  return Math.max(1, ...series.map((values) => Math.max(0, ...values)));
}

// line places values in a box: the right edge is now, the bottom is zero.
export function line(times: readonly number[], values: readonly number[], now: number, top: number, width: number, height: number): [number, number][] {
  return values.map((v, n) => [width * (1 - (now - times[n]!) / span), height * (1 - v / top)]);
}
