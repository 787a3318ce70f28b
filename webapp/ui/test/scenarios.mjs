// What people do with the interface. Each scene has a server of its own.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";

import { WebSocketServer } from "ws";

import { charts } from "./charts.mjs";
import { play } from "./scene.mjs";

// limit is how long a scene waits for one thing. It only bounds a failure: on a busy machine
// everything takes its time.
export const limit = 180_000;

async function startCity(page) {
  await page.getByRole("button", { name: "Start a city" }).click();
}

// few is how many chairs drive in a scene, half as many riders: enough that somebody is always free, and
// little to do for the machine.
const few = 16;

// small makes the city that a page starts, or has started, one of few chairs, which are so fast that rides
// take seconds: twice as fast where each step of one must be seen.
async function small(page, pace) {
  await page.getByRole("link", { name: "Simulator" }).click();
  for (const [name, value] of [["Chairs", few], ["Riders", few / 2], ["Pace", pace]])
    await page.getByRole("slider", { name: new RegExp(`^${name}`) }).fill(String(value));
}

async function smallCity(page, pace = 2) {
  await small(page, pace);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByRole("link", { name: "City" }).click();
}

// together plays scenes on one server at the same time.
async function together(stage, names) {
  const ends = await Promise.allSettled(names.map((name) => scenarios[name](stage)));
  const failed = ends.flatMap((end, n) => (end.status === "rejected" ? [`${names[n]}: ${end.reason.stack}`] : []));
  assert.ok(failed.length === 0, failed.join("\n"));
}

// register makes an account; look is given the page at the form of the payment.
async function register(page, name, look = async () => {}) {
  await page.getByRole("link", { name: "Ride", exact: true }).click();
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("First name").fill("Ann");
  await page.getByLabel("Last name").fill("Lee");
  await page.getByLabel("Date of birth").fill("2000-01-02");
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("button", { name: "Save" }).waitFor();
  await look("the payment");
  await page.getByRole("button", { name: "Save" }).click();
}

async function order(page, look = async () => {}) {
  await page.getByRole("button", { name: "What does it cost" }).click();
  await page.getByRole("button", { name: "Call a chair" }).waitFor();
  await look("an estimate");
  await page.getByRole("button", { name: "Call a chair" }).click();
}

async function rate(page, look = async () => {}) {
  await page.getByRole("button", { name: "5 of 5 stars" }).waitFor();
  await look("the stars");
  await page.getByRole("button", { name: "5 of 5 stars" }).click();
  await page.getByRole("heading", { name: "You are there" }).waitFor();
}

// figure reads a figure of the rail.
async function figure(page, name) {
  const text = await page.locator(".rail div").filter({ has: page.getByText(name, { exact: true }) }).locator("dd").textContent();
  return Number(text.replace(/\D/g, ""));
}

async function figureReaches(page, name, least) {
  for (const end = Date.now() + limit; Date.now() < end; await page.waitForTimeout(200)) if ((await figure(page, name)) >= least) return;
  assert.fail(`${name} is ${await figure(page, name)}, not ${least}`);
}

// gate keeps a page's calls with such a path and body until the function that it returns is called: what
// lasts for moments would be over before a page on a busy machine has shown it.
async function gate(page, path, body = "") {
  const kept = [];
  let open = false;
  const handle = (call) => (open || !call.request().postData()?.includes(body) ? call.fallback() : kept.push(call));
  await page.route(path, handle);
  return async () => {
    open = true;
    await Promise.all(kept.map((call) => call.fallback()));
    await page.unroute(path, handle);
  };
}

// wire stands between a page and the feed. While it is held nothing comes; when it is cut the connection
// ends, and the next one waits until it is mended.
async function wire(page) {
  let whole = Promise.resolve();
  let end;
  const w = { held: false, mend: () => {} };
  await page.routeWebSocket(/realtime/, async (ws) => {
    await whole;
    const server = ws.connectToServer();
    server.onMessage((m) => !w.held && ws.send(m));
    end = () => Promise.all([ws.close(), server.close()]);
  });
  w.cut = async () => {
    whole = new Promise((mended) => (w.mend = mended));
    await end();
    w.held = false;
  };
  return w;
}

// record returns what the feed says of a city with so many chairs, each in a ride, for so many seconds:
// texts, the first of which is the table as it was, the others a tenth of a second apart.
function record(chairs, seconds) {
  const scene = play(Date.now(), chairs);
  const texts = [];
  const say = (f) => texts.push(JSON.stringify({ sub: "SUB", table: "city", keys: ["id"], epoch: 1, seq: texts.length + 1, prev: texts.length, ...f }));
  say(scene.first);
  for (let n = 0; n < seconds; n++) {
    const rows = scene.next();
    say({ action: "insert", data: rows.filter((f) => f.action === "insert").flatMap((f) => f.data) });
    const updates = rows.filter((f) => f.action === "update").flatMap((f) => f.data);
    const part = Math.ceil(updates.length / 9);
    for (let i = 0; i < 9; i++) say({ action: "update", data: updates.slice(i * part, (i + 1) * part) });
  }
  return texts;
}

// serveRecorded serves what was recorded as the feed, without anything between it and the browser: what
// comes through the browser's remote control is work of the page's main thread.
async function serveRecorded([first, ...rest]) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  let timer;
  server.on("connection", (socket) => socket.on("message", (m) => {
    const { op, sub, table } = JSON.parse(m);
    if (op !== "subscribe" || table !== "city") return;
    const texts = rest.values();
    const say = (text) => text && socket.send(text.replace('"SUB"', JSON.stringify(sub)));
    say(first);
    timer = setInterval(() => say(texts.next().value), 100);
  }));
  return { url: `ws://127.0.0.1:${server.address().port}`, close: () => { clearInterval(timer); server.close(); } };
}

// staged opens a page at a fixed time, with the city of scene.mjs in place of the server's,
// and returns when that has lived for some seconds. The page's clock stands but for what it is
// told, and frames are there when said, so that each picture is always the same.
async function staged(open, path, seconds, options) {
  const began = Date.UTC(2026, 10, 29, 9);
  const scene = play(began);
  const prepare = async (page) => {
    await page.clock.install({ time: began - 1000 });
    await page.clock.pauseAt(began);
    await page.addInitScript(() => {
      globalThis.WebSocket = class {
        static OPEN = 1;
        readyState = 1;
        constructor() {
          globalThis.feed = this;
          queueMicrotask(() => this.onopen());
        }
        send(text) {
          const { op, sub, table } = JSON.parse(text);
          if (op === "subscribe" && table === "city") this.sub = sub;
          if (op === "subscribe" && table === "server") this.onmessage({ data: JSON.stringify({ sub, table, action: "partial", keys: ["name"], epoch: 1, seq: 1, prev: 0, data: [
            { name: "server", requests: 212, report_p99: 0.42, sql_lag: 0.3, unsynced: 3, replicas: null, shedding: 0, balanced: true }] }) });
        }
      };
    });
  };
  const page = await open(path, { reducedMotion: "no-preference", ...options, timezoneId: "UTC", prepare });
  while (!(await page.evaluate(() => globalThis.feed?.sub))) await page.clock.fastForward(10);
  let seq = 0;
  const say = (frames) => page.evaluate((all) => {
    for (const f of all) globalThis.feed.onmessage({ data: JSON.stringify({ sub: globalThis.feed.sub, ...f }) });
  }, frames.map((f) => ({ table: "city", keys: ["id"], epoch: 1, seq: ++seq, prev: seq - 1, ...f })));
  await say([scene.first]);
  let told = 0; // milliseconds since the last second that was told
  page.step = async (ms) => {
    if ((told += ms) >= 1000) {
      told -= 1000;
      await say(scene.next());
    }
    await page.clock.runFor(ms);
  };
  for (let n = 0; n < seconds; n++) {
    await say(scene.next());
    for (const part of n < seconds - 25 ? [1000] : [250, 250, 250, 250]) await page.clock.fastForward(part);
  }
  await page.clock.runFor(100);
  return page;
}

export const scenarios = {
  charts,

  // One press on the empty map, and a city lives; other people come, in either language, and use what the
  // map offers.
  async city(stage) {
    const { open, accessible } = stage;
    const page = await open("/", { reducedMotion: "no-preference" });
    await page.getByRole("heading", { name: "Nobody is riding yet." }).waitFor();
    await accessible(page, "the empty city");
    await startCity(page);
    await small(page, 4);
    await page.getByRole("link", { name: "City" }).click();
    await figureReaches(page, "chairs", few);
    await figureReaches(page, "rides a minute", 2);
    await accessible(page, "the living city");
    await page.getByRole("button", { name: "Demand", exact: true }).click();
    await accessible(page, "the demand");
    await together(stage, ["table", "languages", "names", "never", "fleet"]);
    await page.getByRole("link", { name: "Simulator" }).click();
    await accessible(page, "the simulator");
    await page.getByRole("button", { name: "5 times the demand" }).click();
    await page.getByRole("link", { name: "City" }).click();
    await page.getByRole("link", { name: "Simulator" }).click();
    assert.ok(await page.getByRole("button", { name: "5 times the demand" }).isDisabled(), "a rush is begun twice");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Start", exact: true }).waitFor();
  },

  // A city that one page drives, seen by all kinds of people at the same time.
  async people(stage) {
    const drives = await stage.open("/ui/");
    await smallCity(drives);
    await together({ ...stage, drives }, ["slow", "ride", "operator", "replay"]);
  },

  // A whole ride, seen by its rider, with the receipt in the history afterwards.
  async ride({ open, accessible, drives }) {
    const page = await open("/ui/");
    const look = (state) => accessible(page, state);
    await register(page, "ann", look);
    await accessible(page, "the choice of places");
    await page.route(/estimated-fare/, (call) => call.fulfill({ status: 503, json: { message: "too much to do" } }), { times: 1 });
    await page.getByRole("button", { name: "What does it cost" }).click();
    await page.getByText("too much to do").waitFor();
    await accessible(page, "a failure");
    const arrive = await gate(drives, /chair\/coordinate/, JSON.stringify({ latitude: -25, longitude: 30 }).slice(1, -1)); // where the form says
    await order(page, look);
    await page.getByRole("heading", { name: "driving" }).waitFor();
    await accessible(page, "a ride");
    await arrive();
    await rate(page, look);
    await accessible(page, "the receipt");
    await page.getByRole("button", { name: "Ride again" }).click();
    await page.getByText("Your rides").click();
    await page.locator(".rows li").waitFor(); // one, or this fails
    await page.getByText("get a coupon with the code").waitFor();
    await accessible(page, "the history");
  },

  // While the chair waits at the rider the page is loaded anew, its connection is lost, and the server is killed
  // and comes back: the rider is told, and goes on where the ride was.
  async restart({ open, accessible, ask }) {
    const drives = await open("/ui/");
    await smallCity(drives);
    await figureReaches(drives, "chairs", 10);
    let line;
    const page = await open("/ui/", { prepare: async (page) => (line = await wire(page)) });
    await register(page, "bob");
    const setOut = await gate(drives, /chair\/rides/, "ENROUTE");
    const carry = await gate(drives, /chair\/rides/, "CARRYING");
    const is = async (state) => {
      await page.getByRole("heading", { name: state, exact: true }).waitFor();
    };
    await order(page);
    await is("waiting for a chair");
    await accessible(page, "MATCHING");
    const drive = await gate(drives, /chair\/coordinate/);
    await setOut();
    await is("the chair is on its way");
    await accessible(page, "ENROUTE");
    await drive();
    await is("the chair is there");
    await accessible(page, "PICKUP");
    await page.reload();
    await is("the chair is there");
    const note = page.locator(".note");
    await note.waitFor({ state: "detached" });
    line.held = true;
    await note.getByText(/^The city is \d+ s behind/).waitFor();
    await accessible(page, "a city that is behind");
    await line.cut();
    await note.getByText(/^The connection is lost. What you see is of \d/).waitFor();
    await is("the chair is there");
    await accessible(page, "a lost connection");
    line.mend();
    await note.waitFor({ state: "detached" });
    await is("the chair is there");
    await ask("restart");
    await note.waitFor({ state: "detached" });
    await is("the chair is there");
    await carry();
    await rate(page);
  },

  // Nothing but keys, from the first page over the sliders of the city to the receipt.
  async keyboard({ open }) {
    const page = await open("/ui/");
    const press = async (name, role = "button") => {
      await page.getByRole(role, { name, exact: true }).waitFor();
      for (let n = 0; n < 60; n++) {
        await page.keyboard.press("Tab");
        const here = await page.evaluate(() => {
          const e = document.activeElement;
          return { role: e?.tagName === "A" ? "link" : "button", name: e?.getAttribute("aria-label") ?? e?.textContent ?? "" };
        });
        if (here.role === role && here.name.trim() === name) return page.keyboard.press("Enter");
      }
      assert.fail(`${name} is not reached by Tab`);
    };
    const fill = async (label, text) => {
      for (let n = 0; n < 60; n++) {
        await page.keyboard.press("Tab");
        if ((await page.evaluate(() => document.activeElement?.closest("label")?.textContent ?? "")).startsWith(label)) return page.keyboard.type(text);
      }
      assert.fail(`${label} is not reached by Tab`);
    };
    const slide = async (label, ...keys) => {
      await fill(label, "");
      for (const key of keys) await page.keyboard.press(key);
    };
    await page.getByRole("button", { name: "Start a city" }).waitFor();
    // The map of the empty city stands still but for the keys.
    const picture = () => page.locator("canvas").evaluate((c) => c.toDataURL());
    const becomes = async (key, wanted) => {
      await page.keyboard.press(key);
      for (const end = Date.now() + limit; Date.now() < end; await page.waitForTimeout(100)) if (wanted(await picture())) return;
      assert.fail(`${key} does not move the map as it should`);
    };
    for (let n = 0; n < 60 && !(await page.evaluate(() => document.activeElement?.tagName === "CANVAS")); n++) await page.keyboard.press("Tab");
    await page.keyboard.press("1"); // so that the view no longer follows the window
    let before = await picture();
    for (let last = null, end = Date.now() + limit; last !== before && Date.now() < end; before = await picture()) { // until it stands still
      last = before;
      await page.waitForTimeout(1000);
    }
    await becomes("ArrowRight", (now) => now !== before);
    await becomes("ArrowLeft", (now) => now === before);
    await becomes("2", (now) => now !== before);
    await becomes("1", (now) => now === before);
    await press("Start a city");
    await press("Simulator", "link");
    await slide("Chairs", "Home", ...Array(few - 1).fill("ArrowRight"));
    await slide("Riders", "Home", ...Array(few / 2 - 1).fill("ArrowRight"));
    await slide("Pace", "End");
    await press("Ride", "link");
    await fill("User name", "cid");
    await fill("First name", "Cid");
    await fill("Last name", "Key");
    await fill("Date of birth", "01022000");
    await page.keyboard.press("Enter");
    await press("Save");
    const places = page.getByRole("spinbutton");
    await places.first().waitFor();
    for (const value of ["12", "-18", "-14", "22"]) {
      await page.keyboard.press("Tab");
      while (!(await page.evaluate(() => document.activeElement?.matches(".place input")))) await page.keyboard.press("Tab");
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.type(value);
    }
    assert.deepEqual(await places.evaluateAll((all) => all.map((e) => e.value)), ["12", "-18", "-14", "22"]);
    await press("What does it cost");
    await press("Call a chair");
    await press("5 of 5 stars");
    await page.getByRole("heading", { name: "You are there" }).waitFor();
  },

  // A server that never answers.
  async never({ open, accessible }) {
    const page = await open("/ui/", { prepare: (page) => page.addInitScript(() => {
      globalThis.WebSocket = class {
        static OPEN = 1;
        readyState = 3;
        constructor() {
          queueMicrotask(() => this.onerror?.());
        }
        close() {}
      };
    }) });
    await page.getByText("The server does not answer. It is tried again.").waitFor();
    await accessible(page, "a server that never answered");
  },

  // An owner of many chairs, some of which were registered elsewhere, is told what the list leaves out.
  async fleet({ open, accessible }) {
    const account = { name: "Many", token: "t", registerToken: "r", chairTokens: { chair0: "t0" } };
    const data = Array.from({ length: 203 }, (_, n) => ({ id: `chair${n}`, name: `Chair ${n}`, model: "EasySit", is_active: n === 1, city_id: `city${n}` }));
    const page = await open("/ui/fleet", { prepare: async (page) => {
      await page.addInitScript((text) => localStorage.setItem("isuride.owner", text), JSON.stringify(account));
      await page.route(/owner\/sales/, (r) => r.fulfill({ json: { total_sales: 0, models: [], chairs: [] } }));
      await page.routeWebSocket(/realtime/, (ws) => ws.onMessage((m) => {
        const { op, sub, table } = JSON.parse(m);
        if (op === "subscribe" && table === "chairs") ws.send(JSON.stringify({ sub, table, action: "partial", keys: ["id"], epoch: 1, seq: 1, prev: 0, data }));
      }));
    } });
    await page.getByText("and 3 more").waitFor();
    assert.equal(await page.locator(".rows li").count(), 200);
    assert.equal(await page.locator(".rows .chip").count(), 1); // a switch
    await page.locator(".rows li").nth(1).getByText("on", { exact: true }).waitFor();
    await page.getByText("A chair without a switch was registered elsewhere").waitFor();
    await accessible(page, "a large fleet");
  },

  // Names are text, whatever is in them.
  async names({ open, accessible }) {
    const sold = { total_sales: 1800, models: [{ model: "EasySit", sales: 1800 }], chairs: [{ id: "1", name: "<i>chair</i>", sales: 1800 }] };
    const page = await open("/ui/fleet", { prepare: (page) => page.route(/owner\/sales/, (r) => r.fulfill({ json: sold })) });
    const name = `<b>"O'Neill"</b> 🪑 مقعد`;
    await page.getByLabel("Name").fill(name);
    await page.getByRole("button", { name: "Become an owner" }).click();
    await page.getByRole("heading", { name }).waitFor();
    // What the server refuses stays until something else is done, though the sales are read meanwhile.
    await page.route(/chair\/chairs/, (r) => r.fulfill({ status: 400, json: { message: "no such model" } }), { times: 1 });
    await page.getByLabel("New chair").fill("refused");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText("no such model").waitFor();
    await page.waitForResponse(/owner\/sales/);
    await page.evaluate(() => new Promise(requestAnimationFrame)); // what has come is shown
    assert.equal(await page.getByText("no such model").count(), 1);
    await page.getByLabel("New chair").fill("<img src=x onerror=alert(1)>");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByRole("button", { name: "<img src=x onerror=alert(1)>" }).waitFor();
    await page.getByRole("button", { name: "off", exact: true }).click();
    await page.getByRole("button", { name: "on", exact: true }).waitFor();
    await page.locator(".earned").getByText("<i>chair</i>").waitFor();
    await accessible(page, "the fleet");
  },

  // Both languages and both themes, on a phone.
  async languages({ open, accessible }) {
    const page = await open("/ui/ride", { locale: "ja", colorScheme: "dark", viewport: { width: 360, height: 720 } });
    assert.equal(await page.locator("html").getAttribute("lang"), "ja");
    await page.getByRole("heading", { name: "登録する" }).waitFor();
    await accessible(page, "a dark phone in Japanese");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Register" }).waitFor();
    await page.getByRole("button", { name: "Light" }).click();
    assert.equal(await page.locator("html").getAttribute("data-theme"), "light");
    await accessible(page, "a light phone in English");
  },

  // The leader of a group is killed in the middle of a ride, and the next one cut off in the middle of another,
  // from the page itself: the city goes on.
  async leader({ open, accessible, data }) {
    const drives = await open("/ui/simulator");
    await small(drives, 2);
    await drives.getByRole("button", { name: "Start", exact: true }).click();
    await drives.getByLabel("Supervisor's token").fill("wrong");
    await drives.getByRole("button", { name: "Enter" }).click();
    await drives.getByText("does not take this token").waitFor();
    await accessible(drives, "a supervisor that refuses the token");
    await drives.getByLabel("Supervisor's token").fill(readFileSync(`${data}/token`, "utf8"));
    await drives.getByRole("button", { name: "Enter" }).click();
    const members = drives.locator(".trouble li");
    const leading = { has: drives.getByText("leads", { exact: true }) };
    // another waits until somebody else leads.
    const another = async (but) => members.filter({ has: drives.locator("b", { hasText: new RegExp(`^[^${but}]$`) }) }).filter(leading).waitFor();
    const leader = () => members.filter(leading).locator("b").textContent();
    const first = await leader();
    await accessible(drives, "a cluster");
    await figureReaches(drives, "chairs", 10);
    const page = await open("/ui/");
    await register(page, "eve");
    // begin leaves a ride that has begun in its middle, until what it returns is called.
    const begin = async () => {
      const carry = await gate(drives, /chair\/rides/, "CARRYING");
      await order(page);
      await page.getByRole("heading", { name: /the chair is/ }).waitFor();
      return carry;
    };
    let carry = await begin();
    await drives.getByRole("button", { name: "Kill the leader" }).click();
    await carry();
    await another(first);
    await rate(page);
    await page.getByRole("button", { name: "Ride again" }).click();
    const second = await leader();
    carry = await begin();
    await drives.getByRole("button", { name: "Cut the leader off" }).click();
    await carry();
    await members.filter({ has: drives.getByText("cut off", { exact: true }) }).waitFor();
    await accessible(drives, "a server that is cut off");
    await another(second);
    await rate(page);
  },

  // A phone that is slow, on a slow line: nothing is lost, and nothing is done twice.
  async slow({ open }) {
    const page = await open("/ui/", { viewport: { width: 360, height: 720 }, reducedMotion: "no-preference", prepare: async (page) => {
      const devtools = await page.context().newCDPSession(page);
      await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
      await devtools.send("Network.enable");
      await devtools.send("Network.emulateNetworkConditions", { offline: false, latency: 400, downloadThroughput: 200_000, uploadThroughput: 100_000 });
    } });
    await register(page, "slow");
    await order(page);
    await rate(page);
    await page.getByRole("button", { name: "Ride again" }).click();
    await page.getByText("Your rides").click();
    await page.locator(".rows li").first().waitFor();
    assert.equal(await page.locator(".rows li").count(), 1);
  },

  // Pictures of a city that is always the same, which the test compares.
  async pictures({ open, folder }) {
    await Promise.all([["city-1440", 1440, 900, "light"], ["city-768", 768, 1024, "dark"], ["city-360", 360, 720, "light"]].map(async ([name, width, height, colorScheme]) => {
      const page = await staged(open, "/ui/", 200, { viewport: { width, height }, colorScheme });
      await page.screenshot({ path: `${folder}/${name}.png` });
    }));
  },

  // An operator sees why a ride got its chair.
  async operator({ open, accessible, data }) {
    const page = await open("/ui/");
    await page.getByRole("link", { name: "Operator" }).click();
    await page.getByLabel("Operator's token").fill("wrong");
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByText("does not take this token").waitFor();
    await accessible(page, "a token that is refused");
    await page.getByLabel("Operator's token").fill(readFileSync(`${data}/operator-token`, "utf8"));
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByText("Nothing is wrong with server.").waitFor();
    await page.locator(".endpoints").getByText("POST /chair/coordinate").waitFor();
    for (const name of ["Queues and streams", "Books", "Slow requests"]) await page.getByText(name, { exact: true }).click();
    await accessible(page, "the server's figures");
    await page.getByRole("button", { name: /^Match of/ }).first().click();
    await page.getByText(/^Chairs? .* (rider|only one|ride|round|good|later)/).waitFor();
    await page.getByText(/Sim Rider|Ann Lee/).first().waitFor();
    await accessible(page, "a decision");
    await page.getByRole("link", { name: "City" }).click();
    await page.getByRole("button", { name: "As a table" }).click();
    await page.locator(".as-table tbody button", { hasText: /^Chair/ }).first().click();
    await page.locator(".lives").getByText(/^Simulator-/).waitFor(); // the owner of the chair
    await accessible(page, "a chair's life");
    await page.getByRole("link", { name: "Operator" }).click();
    await page.getByRole("button", { name: /^Match of/ }).first().click();
    await page.locator(".costs .sum td").first().waitFor();
    const sums = await page.locator(".costs .sum td").allTextContents();
    const terms = await page.locator(".costs tbody tr:not(.sum)").evaluateAll((rows) => rows.map((r) => [...r.querySelectorAll("td")].map((d) => d.textContent)));
    for (const [n, sum] of sums.entries()) {
      const total = terms.reduce((t, row) => t + Number(row[n].replaceAll(",", "")), 0);
      assert.ok(Math.abs(total - Number(sum.replaceAll(",", ""))) < 0.3, `column ${n}: ${terms.map((r) => r[n])} are not ${sum}`);
    }
    await page.getByText("Runs of the bench").click();
    const runs = [1, 2].map((n) => JSON.stringify({ started: `2026-11-29T10:0${n}:00Z`, score: 1000 * n, passed: n === 2, error_count: n })).join("\n");
    await page.getByLabel(/^File bench/).setInputFiles({ name: "history.jsonl", mimeType: "application/json", buffer: Buffer.from(runs) });
    await page.getByText("2,000").first().waitFor();
    await accessible(page, "runs of the bench");
    await page.getByRole("button", { name: "Dark" }).click();
    await accessible(page, "the operator's page in the dark");
    await page.getByRole("link", { name: "City" }).click();
    await accessible(page, "the city in the dark");
  },

  // The table shows what the map does, and opens the same details; on a phone they are a
  // sheet that can be pulled up. A moment that the server does not have says so.
  async table({ open, accessible }) {
    const page = await open("/ui/", { viewport: { width: 360, height: 720 } });
    await figureReaches(page, "chairs", few);
    await page.getByRole("button", { name: "As a table" }).click();
    assert.ok((await page.locator(".as-table tbody tr").count()) >= few);
    await accessible(page, "the table");
    await page.locator(".as-table tbody button").first().click();
    await page.getByRole("button", { name: "Pull the sheet up or down" }).click();
    await page.locator(".drawer.up").waitFor();
    await accessible(page, "a sheet");
    await page.getByRole("button", { name: "Close", exact: true }).click();
    await page.getByRole("slider", { name: "Moment that is shown" }).fill("-300"); // before the server began
    await page.getByText("cannot be shown again").waitFor();
    await accessible(page, "no replay");
  },

  // The past comes again, from the first minute of a server on, and leads back to the present.
  async replay({ open, accessible }) {
    const page = await open("/ui/");
    await figureReaches(page, "chairs", few);
    await page.waitForTimeout(6000); // of the past that is shown
    const speed = page.getByRole("combobox", { name: "Speed of the replay" });
    await speed.selectOption("1");
    await page.getByRole("slider", { name: "Moment that is shown" }).fill("-5");
    await page.getByText(/^Replay/).waitFor();
    await accessible(page, "a replay");
    await speed.selectOption("2");
    await figureReaches(page, "chairs", 5);
    await page.getByText(/^Replay/).waitFor({ state: "detached" });
    assert.equal(await page.getByText("cannot be shown again").count(), 0);
  },

  // A page that stays open for long keeps no more than it did after a minute, and an exact copy.
  async soak({ open, figures, minutes }) {
    const drives = await open("/ui/");
    await startCity(drives);
    const page = await open("/ui/", { reducedMotion: "no-preference" });
    await figureReaches(page, "chairs", 50);
    const devtools = await page.context().newCDPSession(page);
    const heap = async () => {
      await devtools.send("HeapProfiler.collectGarbage");
      return (await devtools.send("Runtime.getHeapUsage")).usedSize / 2 ** 20;
    };
    await page.waitForTimeout(60_000);
    const first = await heap();
    await page.waitForTimeout((minutes - 1) * 60_000);
    const last = await heap();
    const count = async (name) => Number(await page.locator("main").getAttribute(name));
    figures({ "MB-after-a-minute": first, "MB-at-the-end": last, "copies-equal": await count("data-equal"), "copies-different": await count("data-different") });
  },

  // A film of a city that is always the same: pictures, a tenth of a second apart.
  async film({ open, folder }) {
    const page = await staged(open, "/ui/", 200, { viewport: { width: 1040, height: 640 }, colorScheme: "light" });
    for (let n = 0; n < 60; n++) {
      await page.step(100);
      await page.screenshot({ path: `${folder}/film-${String(n).padStart(3, "0")}.png` });
    }
  },

  // What the browser takes for a city with 2,000 chairs, each in a ride; for the benchmark.
  async bench({ open, figures }) {
    const served = await serveRecorded(record(2000, 30));
    const page = await open("/ui/", { reducedMotion: "no-preference", bypassCSP: true, prepare: (page) => page.addInitScript((url) => {
      const socket = globalThis.WebSocket;
      globalThis.WebSocket = class extends socket { constructor() { super(url); } };
      globalThis.frames = { count: 0, busy: 0 };
      const request = globalThis.requestAnimationFrame.bind(globalThis);
      globalThis.requestAnimationFrame = (f) => request((at) => {
        const began = performance.now();
        f(at);
        globalThis.frames.count++;
        globalThis.frames.busy += performance.now() - began;
      });
    }, served.url) });
    await figureReaches(page, "chairs", 1800);
    const [firstPaint, firstChairs] = await page.evaluate(() => ["first-contentful-paint", "chairs"].map((name) => performance.getEntriesByName(name)[0].startTime));
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    // read has the milliseconds of all that the main thread does, not of what is in a frame's callback alone.
    const read = async () => {
      const { metrics } = await devtools.send("Performance.getMetrics");
      return { ...(await page.evaluate(() => ({ ...globalThis.frames, at: performance.now() }))), tasks: 1000 * metrics.find((m) => m.name === "TaskDuration").value };
    };
    await page.waitForTimeout(3000);
    const before = await read();
    await page.waitForTimeout(10_000);
    const after = await read();
    served.close();
    const frames = after.count - before.count;
    figures({
      "frames/s": (1000 * frames) / (after.at - before.at), "main-ms/frame": (after.tasks - before.tasks) / frames, "callback-ms/frame": (after.busy - before.busy) / frames,
      "ms-to-paint": firstPaint, "ms-to-chairs": firstChairs,
    });
  },
};
