// How the server itself does: the feed's table server, as the public or an operator sees it.

import { signal } from "@preact/signals";

import { refusalOf, subscribe } from "./connection";
import { span } from "./timeline";

// Server is the row, in the units of the feed. Only operators get what may be missing.
export interface Server {
  name: string;
  requests: number | null;
  report_p99: number | null;
  sql_lag: number;
  unsynced: number;
  replicas: { all: number; in_step: number; term: number } | null;
  shedding: number;
  balanced: boolean;
  alerts?: string[] | null;
  endpoints?: Endpoint[] | null;
  slow?: { at: number; request: string; endpoint: string; took: number }[] | null;
  peers?: { name: string; behind: number }[] | null;
  queues?: Record<Queue, number>;
  books?: { closed: string; violations: number; recounts: number; age: number; yen: Record<string, number> };
  refused?: Record<string, number>;
}

export interface Endpoint {
  name: string;
  rate: number;
  errors: number;
  p50: number | null;
  p99: number | null;
}

export const queues = ["sql", "feed", "charges", "streams", "readers", "subscriptions", "connections"] as const;
export type Queue = (typeof queues)[number] | "snapshot_age" | "snapshot_bytes";

export const server = signal<Server | null>(null); // null until it is known, and while nobody answers
export const past = signal<readonly Moment[]>([]); // the last minutes

// Moment is what is kept of a row: of the rest only the newest is shown, and it is much.
export type Moment = { at: number } & Pick<Server, "requests" | "report_p99" | "sql_lag" | "unsynced">;

// observe follows the row until the function that it returns is called.
export function observe(token?: string): () => void {
  return subscribe(token === undefined ? { table: "server" } : { table: "server", token }, (group, tables) => {
    if (refusalOf(group) !== null) return;
    const row = [...(tables.get("server")?.values() ?? [])][0] as unknown as Server | undefined;
    if (!row) return;
    server.value = { ...row };
    past.value = withNow(past.peek(), row, Date.now());
  });
}

// withNow adds a row to the last minutes, which end there.
export function withNow(before: readonly Moment[], { requests, report_p99, sql_lag, unsynced }: Server, now: number): Moment[] {
  return [...before.filter((p) => now - p.at < span), { at: now, requests, report_p99, sql_lag, unsynced }];
}
