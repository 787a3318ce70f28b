// The languages of the interface. A word that a language lacks does not compile.

import { signal } from "@preact/signals";

import { type Word, type Words, en } from "./en";
import { ja } from "./ja";

export type Language = "en" | "ja";

const dictionaries: Record<Language, Words> = { en, ja };
const stored = "isuride.language";

export const language = signal<Language>(preferred());

function preferred(): Language {
  const chosen = localStorage.getItem(stored);
  if (chosen === "en" || chosen === "ja") return chosen;
  const first = navigator.languages.find((l) => /^(en|ja)\b/.test(l));
  return first?.startsWith("ja") ? "ja" : "en";
}

export function setLanguage(l: Language): void {
  localStorage.setItem(stored, l);
  language.value = l;
  document.documentElement.lang = l;
}

// t returns a word, with {names} replaced.
export function t(word: Word, values: Record<string, string | number> = {}): string {
  return dictionaries[language.value][word].replace(/\{(\w+)\}/g, (all, name: string) => {
    const value = values[name];
    return value === undefined ? all : typeof value === "number" ? number(value) : value;
  });
}

interface Formats {
  number: Intl.NumberFormat;
  yen: Intl.NumberFormat;
  clock: Intl.DateTimeFormat;
  day: Intl.DateTimeFormat;
}

// made are the formats of the languages that were used: to make one is much dearer than to use it.
const made: Partial<Record<Language, Formats>> = {};

function formats(): Formats {
  const l = language.value;
  return (made[l] ??= {
    number: new Intl.NumberFormat(l),
    yen: new Intl.NumberFormat(l, { style: "currency", currency: "JPY" }),
    clock: new Intl.DateTimeFormat(l, { timeStyle: "medium", hour12: false }),
    day: new Intl.DateTimeFormat(l, { dateStyle: "short" }),
  });
}

export const number = (n: number): string => formats().number.format(n);
export const yen = (n: number): string => formats().yen.format(n);
export const clock = (ms: number): string => formats().clock.format(ms);
export const day = (ms: number): string => formats().day.format(ms);

// person puts the family name where the language has it.
export function person(first: string, last: string): string {
  return language.value === "ja" ? `${last} ${first}` : `${first} ${last}`;
}
