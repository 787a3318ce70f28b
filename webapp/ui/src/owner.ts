// The owner of this browser: an account whose token is kept here, its chairs and its sales.

import { batch, signal } from "@preact/signals";

import { CallError, as, denied, subscribe } from "./connection";
import { kept } from "./kept";
import type { Failure } from "./rider";

export interface Account {
  name: string;
  token: string;
  registerToken: string;
  chairTokens: Record<string, string>; // of the chairs that were registered here, by id
}

export interface ChairRow {
  id: string;
  name: string;
  model: string;
  is_active: boolean;
  city_id: string;
}

export interface Sales {
  total: number;
  chairs: { id: string; name: string; sales: number }[];
  models: { model: string; sales: number }[];
}

const stored = "isuride.owner";

export const account = signal<Account | null>(kept<Account>(stored, ["name", "token", "registerToken", "chairTokens"]));
export const chairs = signal<ChairRow[]>([]);
export const sales = signal<Sales | null>(null);
export const failure = signal<(Failure & { polled: boolean }) | null>(null); // polled: of what the page reads by itself
export const range = signal<{ since: string; until: string }>({ since: "", until: "" }); // of <input type="datetime-local">

function keep(a: Account | null): void {
  if (a) localStorage.setItem(stored, JSON.stringify(a));
  else localStorage.removeItem(stored);
  account.value = a;
}

// attempt makes a call and keeps what it refuses for the page to show: what people did until they do something
// else, what the page reads by itself until it is read.
async function attempt<T>(call: () => Promise<T>, polled = false): Promise<T | undefined> {
  if (!polled) failure.value = null;
  try {
    const answer = await call();
    if (polled && failure.peek()?.polled) failure.value = null;
    return answer;
  } catch (e) {
    failure.value = e instanceof CallError ? { status: e.status, text: e.message, polled } : { status: 0, text: "", polled };
    if (e instanceof CallError && e.status === 401) forget();
    return undefined;
  }
}

export async function register(name: string): Promise<void> {
  const o = await attempt(() => as().call("post", "/api/owner/owners", { body: { name }, header: { "Isuride-Session": "body" } }));
  if (o) keep({ name, token: o.access_token!, registerToken: o.chair_register_token, chairTokens: {} });
}

export function forget(): void {
  keep(null);
  batch(() => {
    chairs.value = [];
    sales.value = null;
  });
}

// addChair reports whether the chair is there.
export async function addChair(name: string, model: string): Promise<boolean> {
  const a = account.value!;
  const c = await attempt(() =>
    as().call("post", "/api/chair/chairs", { body: { name, model, chair_register_token: a.registerToken }, header: { "Isuride-Session": "body" } }),
  );
  if (c) keep({ ...a, chairTokens: { ...a.chairTokens, [c.id]: c.access_token! } });
  return c !== undefined;
}

// switchChair works for the chairs that were registered here: others have their own sessions.
export async function switchChair(id: string, on: boolean): Promise<void> {
  const token = account.value!.chairTokens[id]!;
  await attempt(() => as(token).call("post", "/api/chair/activity", { body: { is_active: on } }));
}

export async function readSales(): Promise<void> {
  const ms = (text: string) => (text === "" ? undefined : new Date(text).getTime());
  const answer = await attempt(() =>
    as(account.value!.token).call("get", "/api/owner/sales", { query: { since: ms(range.value.since), until: ms(range.value.until) } }),
    true,
  );
  if (answer) sales.value = { total: answer.total_sales, chairs: answer.chairs, models: answer.models };
}

// csv is the sales as a file that a spreadsheet opens. A text that begins as a formula gets
// an apostrophe, since names are anybody's.
export function csv(s: Sales): string {
  const cell = (text: string) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const lines = s.chairs.map((c) => [cell(c.id), cell(c.name), c.sales].join(","));
  return ["id,name,sales", ...lines].join("\r\n") + "\r\n";
}

// follow keeps chairs up to date until the function that it returns is called.
export function follow(token: string): () => void {
  return subscribe({ table: "chairs", token }, (group, tables) => {
    if (denied(group)) forget();
    if (group.some((f) => f.action !== "heartbeat")) chairs.value = [...(tables.get("chairs")?.values() ?? [])] as unknown as ChairRow[];
  });
}
