// Questions about the city's past and their answers, from the server's calls for operators.

import { signal } from "@preact/signals";

import { leave, wrong } from "./operator";

export interface Text {
  en: string;
  ja: string;
}

export interface Question {
  name: string;
  title: Text;
  about: Text;
  chart: "lines" | "bars" | "heat";
  unit: "rides" | "chairs" | "payments" | "s" | "%" | "ticks" | "yen";
  columns: { name: string; label: Text }[];
}

export type Row = (number | string | null)[];

export interface Answer {
  name: string;
  from: number; // milliseconds
  until: number;
  step: number;
  columns: string[];
  rows: Row[];
  more: boolean;
}

// spans are how far back can be looked, in minutes.
export const spans = [15, 60, 360, 1440, 10080] as const;
export type Span = (typeof spans)[number];

export const span = signal<Span>(15);
export const questions = signal<readonly Question[]>([]);
export const answers = signal<ReadonlyMap<string, Answer>>(new Map());
export const trouble = signal<string | null>(null); // why QuestDB has no answer, as the server says it

// The shorter the span, the sooner there is something new in it. A round takes as long as QuestDB needs.
const pause = (of: Span): number => (of <= 60 ? 10_000 : 60_000);

class Refused extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

async function get<T>(path: string, as: string, signal: AbortSignal): Promise<T> {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${as}` }, signal, credentials: "omit" });
  const body = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, body.message);
  return body as T;
}

// watch asks all questions, again and again, until the function that it returns is called. While nobody sees the page
// nothing is asked.
export function watch(as: string, of: Span): () => void {
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const round = async () => {
    if (!document.hidden) await ask(as, of, ended.signal);
    if (!ended.signal.aborted) timer = setTimeout(round, document.hidden ? 1000 : pause(of));
  };
  void round();
  return () => {
    ended.abort();
    clearTimeout(timer);
  };
}

async function ask(as: string, of: Span, signal: AbortSignal): Promise<void> {
  try {
    if (questions.peek().length === 0) questions.value = await get<Question[]>("/api/operator/questions", as, signal);
    for (const q of questions.peek()) {
      const answer = await get<Answer>(`/api/operator/answers?question=${q.name}&minutes=${of}`, as, signal);
      answers.value = new Map(answers.peek()).set(q.name, answer);
    }
    trouble.value = null;
  } catch (err) {
    if (signal.aborted) return;
    if (err instanceof Refused && err.status === 401) {
      wrong.value = true;
      leave();
      return;
    }
    trouble.value = err instanceof Refused ? err.message : "";
  }
}

// filled puts rows where a line of counts has none: then nothing happened. Of times and shares there is nothing to
// say where nothing happened, and the line has a gap.
export function filled(q: Question, a: Answer): readonly Row[] {
  if (q.chart !== "lines" || a.columns[0] !== "time") return a.rows;
  const empty = q.unit === "s" || q.unit === "%" || q.unit === "ticks" ? null : 0;
  const known = new Map(a.rows.map((r) => [Date.parse(String(r[0])), r.slice(1)]));
  if (known.size === 0) return [];
  const rows: Row[] = [];
  for (let at = Math.ceil(a.from / a.step) * a.step; at < a.until; at += a.step) rows.push([at, ...(known.get(at) ?? q.columns.map(() => empty))]);
  return rows;
}
