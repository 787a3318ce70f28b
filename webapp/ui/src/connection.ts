// The page's one connection to the server: every page subscribes to its tables over it.

import { signal } from "@preact/signals";

import { Client } from "../../client/ts/call";
import { Feed, type Frame, type Listener, type Wanted } from "../../client/ts/feed";

export { Client, CallError } from "../../client/ts/call";
export type { Frame, Row } from "../../client/ts/feed";

// Link says how the connection is doing.
export interface Link {
  state: "connecting" | "live" | "lost";
  heard: number; // when the last frame came, in milliseconds; 0 before the first
}

export const link = signal<Link>({ state: "connecting", heard: 0 });

let feed: Feed | null = null;
let names = 0;

// connect opens the connection when the first page needs it.
function connect(): Feed {
  feed ??= new Feed(location.origin, (connected) => {
    link.value = { state: connected ? "live" : "lost", heard: link.peek().heard };
  });
  return feed;
}

// subscribe follows tables, or a session's notifications, until the function that it
// returns is called.
export function subscribe(wanted: Wanted, changed: Listener): () => void {
  const name = `${wanted.table}-${++names}`;
  const connection = connect();
  connection.subscribe(name, wanted, (group, tables) => {
    link.value = { state: "live", heard: Date.now() };
    changed(group, tables);
  });
  return () => connection.unsubscribe(name);
}

// as returns a client that acts for a token's account. Calls that are lasting outlive the
// page.
export function as(token?: string, lasting = false): Client {
  return new Client(location.origin, token, lasting);
}

// refusalOf returns what a frame says was refused, if it does.
export function refusalOf(group: readonly Frame[]): string | null {
  return group.find((f) => f.action === "error")?.message ?? null;
}
