// The page's one connection to the server: every page subscribes to its tables over it.

import { signal } from "@preact/signals";

import { Client } from "../../client/ts/call";
import { Feed, type Frame, type Listener, type Wanted } from "../../client/ts/feed";
import { crc32c } from "./crc32c";

export { Client, CallError } from "../../client/ts/call";
export type { Frame, Row } from "../../client/ts/feed";

// Link says how the connection is doing.
export interface Link {
  state: "connecting" | "live" | "lost";
  heard: number; // when the last frame before the state came, in milliseconds; 0 for none
}

export const link = signal<Link>({ state: "connecting", heard: 0 });

let feed: Feed | null = null;
let names = 0;
let heard = 0; // when the last frame came: no signal, or each would draw the page anew

// connect opens the connection when the first page needs it.
function connect(): Feed {
  feed ??= new Feed(location.origin, (connected) => {
    lag = new Lag();
    link.value = { state: connected ? "live" : "lost", heard };
  });
  return feed;
}

// Lag is how far behind the server a copy is. Each second a heartbeat has the server's time. Since clocks
// differ, the one that was on its way for the shortest time counts as one that came at once.
export class Lag {
  private newest = 0; // by the server's clock, in milliseconds, as all here
  private ahead = Number.POSITIVE_INFINITY; // how far our clock is ahead of it

  heard(sent: number, now: number): void {
    this.newest = Math.max(this.newest, sent);
    this.ahead = Math.min(this.ahead, now - sent);
  }

  at(now: number): number {
    return this.newest === 0 ? 0 : now - this.ahead - this.newest;
  }
}

let lag = new Lag(); // of this connection's copy of the city

// behind returns how far the copy of the city is behind the server, in milliseconds; up to a second
// is the time to the next heartbeat.
export const behind = (): number => lag.at(performance.now());

// subscribe follows tables, or a session's notifications, until the function that it
// returns is called.
export function subscribe(wanted: Wanted, changed: Listener): () => void {
  const name = `${wanted.table}-${++names}`;
  const connection = connect();
  connection.subscribe(name, wanted, (group, tables) => {
    heard = Date.now();
    changed(group, tables);
  });
  return () => connection.unsubscribe(name);
}

// checkEvery is how often a copy is compared with the server's table, in milliseconds.
const checkEvery = 60_000;

// Checks counts the comparisons of the page's copy of the city with the server's table.
export const checks = signal({ equal: 0, different: 0 });

// subscribeExactly is subscribe for one table whose copy is compared from time to time, and
// fetched anew if it is not what the server has, which would be a fault of one of the two.
export function subscribeExactly(wanted: Wanted, changed: Listener): () => void {
  let end: () => void;
  let name: string;
  const begin = () => {
    end = subscribe(wanted, (group, tables) => {
      for (const f of group) if (f.action === "heartbeat" && f.ts) lag.heard(Date.parse(f.ts), performance.now());
      const sum = group.find((f) => f.action === "checksum")?.data?.[0];
      if (sum) compare(sum["crc32c"] === crc32c([...tables.get(wanted.table)!.values()]));
      changed(group, tables);
    });
    name = `${wanted.table}-${names}`;
  };
  const compare = (equal: boolean) => {
    const { equal: before, different } = checks.peek();
    checks.value = equal ? { equal: before + 1, different } : { equal: before, different: different + 1 };
    if (equal) return;
    end();
    begin();
  };
  begin();
  const timer = setInterval(() => connect().checksum(name, wanted.table), checkEvery);
  return () => {
    clearInterval(timer);
    end();
  };
}

// as returns a client that acts for a token's account. Calls that are lasting outlive the
// page.
export function as(token?: string, lasting = false): Client {
  return new Client(location.origin, token, lasting);
}

// refusalOf returns what a frame says was refused, if it does. A server that sends its readers to
// another one, or has too much to do, is asked again by itself.
export function refusalOf(group: readonly Frame[]): string | null {
  return group.find((f) => f.action === "error" && f.code !== "closing" && f.code !== "busy")?.message ?? null;
}

// denied reports whether a frame says that the token is nobody's, or gives no right to this, which
// asking again does not change.
export function denied(group: readonly Frame[]): boolean {
  return group.some((f) => f.action === "error" && (f.code === "unknown_viewer" || f.code === "no_right"));
}
