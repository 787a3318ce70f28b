// The rider of this browser: an account whose token is kept here, and its ride.

import { batch, signal } from "@preact/signals";

import type { components } from "../../client/ts/api";
import { type Frame, CallError, as, denied, subscribe } from "./connection";
import type { Point } from "./geometry";
import { kept } from "./kept";

export type Notice = components["schemas"]["UserNotification"];
export type Receipt = components["schemas"]["CompletedRide"];

export interface Account {
  token: string;
  username: string;
  invitation: string;
  paying: boolean; // a payment token is set
}

// Failure is what people are told: what happened is the server's sentence.
export interface Failure {
  status: number; // 0: the server did not answer
  text: string;
}

const stored = "isuride.rider";

export const account = signal<Account | null>(kept<Account>(stored, ["token", "username", "invitation", "paying"]));
export const ride = signal<Notice | null>(null);
export const cityID = signal<string | null>(null); // of the ride, on the public map
export const history = signal<Receipt[] | null>(null);
export const failure = signal<Failure | null>(null);
export const busy = signal(false);
export const journey = signal<{ from: Point; to: Point }>({ from: { x: -20, y: 10 }, to: { x: 30, y: -25 } });
export const estimate = signal<{ fare: number; discount: number } | null>(null);

function keep(a: Account | null): void {
  if (a) localStorage.setItem(stored, JSON.stringify(a));
  else localStorage.removeItem(stored);
  account.value = a;
}

// attempt makes a call and keeps what it refuses for the page to show.
async function attempt<T>(call: () => Promise<T>): Promise<T | undefined> {
  batch(() => {
    busy.value = true;
    failure.value = null;
  });
  try {
    return await call();
  } catch (e) {
    failure.value = e instanceof CallError ? { status: e.status, text: e.message } : { status: 0, text: "" };
    if (e instanceof CallError && e.status === 401) forget(); // an initialize has ended all sessions
    return undefined;
  } finally {
    busy.value = false;
  }
}

export interface Person {
  username: string;
  firstname: string;
  lastname: string;
  birth: string;
  invitation: string;
}

export async function register(p: Person): Promise<void> {
  const user = await attempt(() =>
    as().call("post", "/api/app/users", {
      body: { username: p.username, firstname: p.firstname, lastname: p.lastname, date_of_birth: p.birth, invitation_code: p.invitation || undefined },
      header: { "Isuride-Session": "body" },
    }),
  );
  if (user) keep({ token: user.access_token!, username: p.username, invitation: user.invitation_code, paying: false });
}

export async function setPayment(token: string): Promise<void> {
  const a = account.value!;
  const done = await attempt(async () => {
    await as(a.token).call("post", "/api/app/payment-methods", { body: { token } });
    return true;
  });
  if (done) keep({ ...a, paying: true });
}

// forget leaves the account: the server keeps it, this browser does not.
export function forget(): void {
  keep(null);
  batch(() => {
    ride.value = cityID.value = history.value = estimate.value = null;
  });
}

const coordinate = (p: Point) => ({ latitude: p.y, longitude: p.x });
const body = () => ({ pickup_coordinate: coordinate(journey.value.from), destination_coordinate: coordinate(journey.value.to) });

export async function askFare(): Promise<void> {
  const answer = await attempt(() => as(account.value!.token).call("post", "/api/app/rides/estimated-fare", { body: body() }));
  estimate.value = answer ?? null;
}

export async function order(): Promise<void> {
  await attempt(() => as(account.value!.token).call("post", "/api/app/rides", { body: body() }));
  estimate.value = null;
}

export async function rate(stars: number): Promise<void> {
  const current = ride.value!;
  await attempt(() => as(account.value!.token).call("post", "/api/app/rides/{ride_id}/evaluation", { path: { ride_id: current.ride_id }, body: { evaluation: stars } }));
}

export async function readHistory(): Promise<void> {
  const answer = await attempt(() => as(account.value!.token).call("get", "/api/app/rides"));
  history.value = answer?.rides ?? null;
}

// follow keeps ride and cityID up to date until the function that it returns is called.
export function follow(token: string): () => void {
  const ended = (group: readonly Frame[]) => {
    if (denied(group)) forget();
  };
  const notifications = subscribe({ table: "notifications", token }, (group) => {
    ended(group);
    for (const frame of group) for (const row of frame.data ?? []) ride.value = row as unknown as Notice;
  });
  const rides = subscribe({ table: "rides", token }, (_, tables) => {
    const now = ride.peek();
    const row = now && tables.get("rides")?.get(now.ride_id);
    cityID.value = (row?.["city_id"] as string | undefined) ?? null;
  });
  return () => {
    notifications();
    rides();
  };
}
