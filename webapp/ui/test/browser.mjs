// Runs one scenario in Debian's Chromium: node browser.mjs SCENARIO URL FOLDER DATA MINUTES, with
// where pictures go, the server's data folder, and how long a long one lasts. It ends
// with status 0 if all is as it should be. A scenario asks for what only the test can do by
// a line on its output, and waits for a line on its input: "restart", for instance. When
// something is wrong, SCREENSHOTS names a folder for pictures of all pages.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { scenarios } from "./scenarios.mjs";

const [name, url, folder, data, minutes] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--ignore-certificate-errors"],
});
const faults = [];

// open returns a page of its own session, with little motion, which takes little of a machine that
// runs other scenarios; what its console complains of is a fault, but for
// connections that break while the server is away.
async function open(path, { prepare, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en", ignoreHTTPSErrors: true, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(`${path}: ${e.message}`));
  page.on("console", (m) => {
    if (m.type() === "error" && !/WebSocket|ERR_CONNECTION|Failed to load resource/.test(m.text())) faults.push(`${path}: ${m.text()}`);
  });
  page.on("request", (r) => {
    if (new URL(r.url()).protocol !== "data:" && new URL(r.url()).host !== new URL(url).host) faults.push(`${path} asks another host: ${r.url()}`);
  });
  await prepare?.(page);
  await page.goto(url + path);
  return page;
}

// accessible checks a page in its present state.
async function accessible(page, state) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
  for (const v of violations) faults.push(`${state}: ${v.help}: ${v.nodes.map((n) => n.target).join(", ")}`);
}

async function ask(what) {
  console.log(what);
  await answers.next();
}

// figures tells a benchmark what was measured.
function figures(values) {
  for (const [unit, value] of Object.entries(values)) console.log(`figure ${unit} ${value}`);
}

try {
  await scenarios[name]({ open, accessible, ask, figures, folder, data, minutes: Number(minutes) });
} catch (e) {
  faults.push(e.stack);
  if (process.env.SCREENSHOTS)
    for (const [n, page] of browser.contexts().flatMap((c) => c.pages()).entries())
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${n}.png` });
}
await browser.close();
for (const f of faults) console.error(f);
process.exit(faults.length === 0 ? 0 : 1);
