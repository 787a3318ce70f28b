// Light or dark: what the reader chose, else what the system says.

import { effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const stored = "isuride.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = signal<Theme | null>(read());
const systemDark = signal(system.matches);
system.addEventListener("change", (e) => (systemDark.value = e.matches));

export const theme = signal<Theme>("light");
effect(() => {
  theme.value = chosen.value ?? (systemDark.value ? "dark" : "light");
  document.documentElement.dataset.theme = theme.value;
});

function read(): Theme | null {
  const text = localStorage.getItem(stored);
  return text === "light" || text === "dark" ? text : null;
}

export function setTheme(t: Theme): void {
  localStorage.setItem(stored, t);
  chosen.value = t;
}

// stillness says that the reader asked for little motion.
const reduced = matchMedia("(prefers-reduced-motion: reduce)");
export const stillness = signal(reduced.matches);
reduced.addEventListener("change", (e) => (stillness.value = e.matches));
