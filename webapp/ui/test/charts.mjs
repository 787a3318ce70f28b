// The page of charts, first without QuestDB, then with answers that are always the same.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const from = Date.UTC(2026, 10, 29, 9);
const step = 15_000;
const at = (n) => new Date(from + n * step).toISOString();
const wave = (n, phase) => Math.sin(n / 7 + phase);
const times = (row, skip = () => false) => Array.from({ length: 60 }, (_, n) => n).filter((n) => !skip(n)).map((n) => [at(n), ...row(n)]);

function squares(value) {
  const rows = [];
  for (const middle of [0, 300])
    for (let x = -60; x <= 60; x += 20)
      for (let y = -60; y <= 60; y += 20) if (Math.hypot(x, y) < 75) rows.push([middle + x, middle + y, value(x, y, middle)]);
  return rows;
}

// answers are the columns and rows of each question.
const answers = {
  "demand-minute": [["time", "asked", "completed"], times((n) => [Math.round(180 + 60 * wave(n, 0)), Math.round(160 + 55 * wave(n, -1))], (n) => n > 40 && n < 44)],
  "wait-percentiles": [["time", "p50", "p90", "p99"], times((n) => [4 + wave(n, 1), 9 + 2 * wave(n, 2), 17 + 5 * wave(n, 3)], (n) => n > 40 && n < 44)],
  funnel: [["status", "rides"], [["MATCHING", 9871], ["ENROUTE", 9802], ["PICKUP", 9511], ["CARRYING", 9466], ["ARRIVED", 9120], ["COMPLETED", 9077]]],
  stages: [["stage", "seconds"], [["MATCHING", 1.2], ["ENROUTE", 3.4], ["PICKUP", 0.4], ["CARRYING", 11.8]]],
  "demand-heat": [["x", "y", "rides"], squares((x, y, m) => Math.round(120 - Math.hypot(x, y) - m / 10))],
  "wait-heat": [["x", "y", "wait"], squares((x, y, m) => 3 + Math.hypot(x, y) / 12 + m / 200)],
  fleet: [["time", "chairs"], times((n) => [410 + n])],
  utilisation: [["model", "busy"], [["リラックスシート NEO", 81.4], ["エアフロー EZ", 77.2], ["タイムスライド GT エディション", 64], ["SitEase", 31.5], ["ベーシックスツール プラス", 0]]],
  "match-class": [["time", "ordinary", "overdue", "elsewhere"], times((n) => [Math.round(150 + 40 * wave(n, 0)), Math.max(0, Math.round(12 * wave(n, 2))), 3])],
  "match-cost": [["seconds", "pickup"], Array.from({ length: 25 }, (_, n) => [n, 40 + 3 * n + 4 * wave(n * 6, 0)])],
  payments: [["attempt", "paid", "failed"], [["1", 8741, 0], ["2", 302, 302], ["3+", 34, 71]]],
  revenue: [["time", "amount"], times((n) => [Math.round(310_000 + 90_000 * wave(n, 0))])],
  ratings: [["stars", "rides"], [[1, 52], [2, 187], [3, 803], [4, 3120], [5, 4915]]],
  distances: [["distance", "rides"], []],
};

async function answered(page, asked) {
  await page.route(/\/api\/operator\/answers/, (route) => {
    const query = new URL(route.request().url()).searchParams;
    const name = query.get("question");
    asked.push(`${name} ${query.get("minutes")}`);
    const [columns, rows] = answers[name];
    return route.fulfill({ json: { name, from, until: from + 60 * step, step, columns, rows, more: false } });
  });
}

async function enter(page, data) {
  await page.getByLabel("Operator's token").fill(readFileSync(`${data}/operator-token`, "utf8"));
  await page.keyboard.press("Enter");
}

export async function charts({ open, accessible, folder, data }) {
  const page = await open("/ui/");
  await page.getByRole("link", { name: "Charts" }).click();
  await page.getByLabel("Operator's token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("does not take this token").waitFor();
  await enter(page, data);
  await page.getByText("QuestDB has no answer").waitFor();
  await page.getByText("set ISURIDE_QUESTDB").waitFor();
  await accessible(page, "charts without QuestDB");
  await page.screenshot({ path: `${folder}/charts-without.png` });
  await page.context().close();
  const sizes = [[1440, 900, "light", "en"], [768, 1024, "dark", "en"], [360, 720, "light", "ja"]];
  await Promise.all(sizes.map(([width, height, colorScheme, locale]) => drawn({ open, accessible, folder, data }, { viewport: { width, height }, colorScheme, locale })));
}

async function drawn({ open, accessible, folder, data }, options) {
  const asked = [];
  const page = await open("/ui/charts", { ...options, timezoneId: "UTC", prepare: (p) => answered(p, asked) });
  const japanese = options.locale === "ja";
  await page.locator("input[type=password]").fill(readFileSync(`${data}/operator-token`, "utf8"));
  await page.keyboard.press("Enter");
  await page.locator(".bar-list").last().waitFor();
  await page.getByText(japanese ? "該当する記録はありません" : "Nothing happened in this time").waitFor();
  assert.equal(await page.locator(".charts .card").count(), Object.keys(answers).length);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the screen");
  await accessible(page, `charts at ${options.viewport.width}`);
  const { width, height } = options.viewport;
  await page.setViewportSize({ width, height: 45 + (await page.locator(".charts").evaluate((e) => e.scrollHeight)) });
  await page.screenshot({ path: `${folder}/charts-${width}.png` });
  await page.setViewportSize({ width, height });
  // Another span by keys alone: everything is asked again.
  await page.getByRole("button", { name: japanese ? "1時間" : "1 h" }).focus();
  await page.keyboard.press("Enter");
  for (const end = Date.now() + 180_000; !asked.includes("distances 60") && Date.now() < end; ) await page.waitForTimeout(20);
  assert.deepEqual(new Set(asked.filter((q) => q.endsWith(" 60")).map((q) => q.slice(0, -3))), new Set(Object.keys(answers)));
  // What a chart shows is in its table, too, the newest first.
  const card = page.locator(".card", { has: page.locator("#chart-revenue") });
  await card.locator("summary").focus();
  await page.keyboard.press("Enter");
  const last = answers.revenue[1].at(-1)[1];
  assert.equal((await card.locator("tbody td").first().textContent()).replace(/\D/g, ""), String(last));
  assert.equal((await card.locator(".key b").textContent()).replace(/\D/g, ""), String(last));
  // Counts have a zero where nothing happened, times a gap.
  const lines = (name) => page.locator(".card", { has: page.locator(`#chart-${name}`) }).locator(".of-0 path").count();
  assert.equal(await lines("demand-minute"), 1);
  assert.equal(await lines("wait-percentiles"), 2);
  const place = (y) => page.locator("#chart-demand-heat ~ .chart rect.cell", { has: page.locator("title", { hasText: new RegExp(`^0, ${y}:`) }) }).evaluate((r) => r.y.baseVal.value);
  assert.ok((await place(60)) < (await place(-60)), "north is above, as on the map");
  await card.locator(".plot").hover({ position: { x: 60, y: 60 } });
  assert.notEqual((await card.locator(".key b").textContent()).replace(/\D/g, ""), String(last), "the pointer shows the value under it");
  await page.context().close();
}
