// Plays scenes in Debian's Chromium for the tests, side by side in one browser, until its input ends. A
// line of its input begins a scene, as JSON: {id, scene, url, folder, data, minutes}, with where
// pictures go, the server's data folder, and how long a long one lasts. A line of its
// output tells of a scene: {id, asks} if only the test can do what is next, "restart" for
// instance, and a line {id} says that it is done; {id, figures} what was measured, by unit;
// {id, faults} that it has ended. When something is wrong, SCREENSHOTS names a folder for pictures of all
// its pages.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { limit, scenarios } from "./scenarios.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--ignore-certificate-errors"],
});

// shown is the beginning of a page's text.
const shown = async (page) => (await page.locator("body").innerText({ timeout: 10_000 }).catch((e) => e.message)).replaceAll(/\s+/g, " ").slice(0, 1000);
const say = (line) => console.log(JSON.stringify(line));
const done = new Map(); // what goes on when the test has done what a scene asked for, by the scene's id

async function play({ id, scene, url, folder, data, minutes }) {
  const faults = [];
  const contexts = [];

  // open returns a page of its own session, with little motion, which takes little of a machine that
  // runs other scenes; what its console complains of is a fault, but for
  // connections that break while the server is away.
  async function open(path, { prepare, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en", ignoreHTTPSErrors: true, reducedMotion: "reduce", ...options });
    contexts.push(context);
    context.setDefaultTimeout(limit);
    const page = await context.newPage();
    page.on("pageerror", (e) => faults.push(`${path}: ${e.message}`));
    page.on("console", (m) => {
      if (m.type() === "error" && !/WebSocket|ERR_CONNECTION|Failed to load resource/.test(m.text())) faults.push(`${path}: ${m.text()}`);
    });
    page.on("request", (r) => {
      if (new URL(r.url()).host !== new URL(url).host) faults.push(`${path} asks another host: ${r.url()}`);
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

  const ask = (what) => new Promise((resolve) => {
    done.set(id, resolve);
    say({ id, asks: what });
  });

  try {
    await scenarios[scene]({ open, accessible, ask, figures: (values) => say({ id, figures: values }), folder, data, minutes });
  } catch (e) {
    faults.push(e.stack.replaceAll(/\s*\n\s*/g, "; ")); // where tests are summed up the first line is repeated
    for (const [n, page] of contexts.flatMap((c) => c.pages()).entries()) {
      faults.push(`${new URL(page.url()).pathname} showed: ${await shown(page)}`);
      if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${scene}-${n}.png` });
    }
  }
  await Promise.all(contexts.map((c) => c.close()));
  say({ id, faults });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...scene } = JSON.parse(line);
  if (scene.scene) void play({ id, ...scene });
  else done.get(id)();
}
await browser.close();
