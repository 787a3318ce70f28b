// The supervisor of `make cluster`, which makes trouble for its servers. Its front has it below
// /supervisor/; a server that runs alone has none.

import { signal } from "@preact/signals";

const stored = "isuride.supervisor";

export interface Cluster {
  members: { name: string; leads: boolean; apart: boolean; says: string }[];
  database: boolean; // the members share one, which can go away
}

// Presence says whether there is a supervisor, and whether it takes our token.
export type Presence = "unknown" | "absent" | "locked" | "open";

export const presence = signal<Presence>("unknown");
export const wrongToken = signal(false);
export const cluster = signal<Cluster | null>(null);
export const failed = signal<string | null>(null); // why the last order was not carried out

export const troubles = ["kill", "freeze", "part", "handover", "database-away"] as const;
export type Trouble = (typeof troubles)[number];

const orders: Record<Trouble, Record<string, string>> = {
  kill: { member: "leader" },
  freeze: { member: "leader", for: "10s" },
  part: { member: "leader", for: "10s" },
  handover: {},
  "database-away": { for: "10s" },
};

function ask(method: string, what: string, body?: URLSearchParams): Promise<Response> {
  const token = sessionStorage.getItem(stored);
  return fetch(`/supervisor/${what}`, { method, body: body ?? null, headers: token ? { Authorization: `Bearer ${token}` } : {} });
}

// look asks how the cluster is doing.
export async function look(): Promise<void> {
  try {
    const answer = await ask("GET", "members");
    if (!answer.headers.has("Isuride-Supervisor")) {
      presence.value = "absent";
    } else if (answer.ok) {
      cluster.value = (await answer.json()) as Cluster;
      presence.value = "open";
    } else {
      wrongToken.value = sessionStorage.getItem(stored) !== null;
      presence.value = "locked";
    }
  } catch {
    // The front does not answer now; the note on the map says so.
  }
}

export function unlock(token: string): void {
  sessionStorage.setItem(stored, token.trim());
  void look();
}

export async function make(trouble: Trouble): Promise<void> {
  failed.value = null;
  try {
    const answer = await ask("POST", trouble, new URLSearchParams(orders[trouble]));
    if (!answer.ok) failed.value = (await answer.text()).trim();
  } catch (e) {
    failed.value = (e as Error).message;
  }
  await look();
}
