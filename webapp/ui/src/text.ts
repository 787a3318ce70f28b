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

export function number(n: number): string {
  return new Intl.NumberFormat(language.value).format(n);
}

export function yen(n: number): string {
  return new Intl.NumberFormat(language.value, { style: "currency", currency: "JPY" }).format(n);
}

export function clock(ms: number): string {
  return new Intl.DateTimeFormat(language.value, { timeStyle: "medium", hour12: false }).format(ms);
}

export function day(ms: number): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: "short" }).format(ms);
}

// person puts the family name where the language has it.
export function person(first: string, last: string): string {
  return language.value === "ja" ? `${last} ${first}` : `${first} ${last}`;
}
