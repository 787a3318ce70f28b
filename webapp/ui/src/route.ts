// The pages by their paths below /ui/. Links within the interface change the page without
// loading it anew, so that what it simulates goes on.

import { signal } from "@preact/signals";

export const pages = ["city", "ride", "fleet", "simulator", "operator", "charts"] as const;
export type Page = (typeof pages)[number];

export const page = signal<Page>(read());

function read(): Page {
  const name = location.pathname.replace(/^\/(ui\/)?/, "").replace(/\/$/, "");
  return pages.find((p) => p === name) ?? "city";
}

export function pathOf(p: Page): string {
  return p === "city" ? "/ui/" : `/ui/${p}`;
}

export function go(p: Page): void {
  history.pushState(null, "", pathOf(p));
  page.value = p;
}

addEventListener("popstate", () => (page.value = read()));
