// How long the console's *Events* takes to its first paint in a real Chromium, with many events stored. By hand, on a machine
// that does nothing else:
//
//   node tests/browser/paint.mjs --binary target/release/xceed-gateway --node-modules FOLDER [--events 1000000] [--times 20]
//
// Prints, for each page that is opened, the least, the median and the longest time to the first contentful paint (as the
// browser reports it, from the begin of the navigation) and to the answer's first byte.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createWriteStream, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const option = (name, usual) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? usual : process.argv[at + 1];
};
const modules = path.resolve(option("--node-modules", "node_modules"));
const require = createRequire(path.join(modules, "of-the-tests.js"));
const puppeteer = require("puppeteer-core");
const binary = path.resolve(option("--binary"));
const count = Number(option("--events", "1000000"));
const times = Number(option("--times", "20"));
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../..");

const port = () => new Promise((found) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => found(port));
  });
});
const folder = mkdtempSync(path.join(tmpdir(), "xceed-gateway-paint-"));
const hash = `sha256:${createHash("sha256").update("paint").digest("hex")}`;
const [calls, xceed] = [await port(), await port()];
writeFileSync(path.join(folder, "secret"), "311a5439c8bda8ef", { mode: 0o600 });
writeFileSync(path.join(folder, "gateway.toml"), `
[server]
bind = "127.0.0.1:${calls}"
[store]
url = "sqlite:${folder}/gateway.db"
[schemas]
dir = "${root}/xsd"
[console]
operators = [{ name = "paint", hash = "${hash}" }]
[tenants.first-bank]
api_keys = [{ name = "paint", hash = "${hash}", roles = ["caller", "operator"] }]
[tenants.first-bank.xceed]
url = "http://127.0.0.1:${xceed}/xceed"
platform_id = "3"
service_id = "210021"
secret_key = { file = "${folder}/secret" }
schema = "1.0"
`);
const children = [];
const start = (words, log) => {
  const child = spawn(binary, [...words, "--config", path.join(folder, "gateway.toml")], { stdio: ["ignore", log, log] });
  children.push(child);
  return child;
};
const until = async (holds) => {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds().catch(() => false)) return;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error("it does not come up");
};
const headers = { Authorization: "Bearer paint", "Content-Type": "application/json" };
const at = `http://127.0.0.1:${calls}`;

// A few are scored first, so that they are the oldest; then the many.
const fill = async () => {
  for (let n = 0; n < 200; n += 1) {
    const body = JSON.stringify({ eventId: `old-${n}`, eventType: "Login", customer: { id: `O-${n}` } });
    await fetch(`${at}/v1/events`, { method: "POST", headers, body });
  }
  const file = createWriteStream(path.join(folder, "events.ndjson"));
  for (let n = 0; n < count; n += 1) {
    const line = { eventId: `e-${n}`, eventType: "Login", customer: { id: `C-${n % 50000}` }, interaction: { id: `i-${n}` } };
    if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
  const words = ["load", path.join(folder, "events.ndjson"), "--url", at, "--key-env", "PAINT_KEY"];
  const load = spawn(binary, words, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, PAINT_KEY: "paint" } });
  const [code] = await once(load, "exit");
  if (code !== 0) throw new Error(`load ended with ${code}`);
};

const told = (values) => {
  values.sort((one, other) => one - other);
  return [values[0], values[Math.floor(values.length / 2)], values.at(-1)].map((ms) => ms.toFixed(0)).join(" / ");
};

const measure = async () => {
  const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    await page.goto(`${at}/console/sign-in`);
    await page.type("#key", "paint");
    await Promise.all([page.waitForNavigation(), page.click("main button")]);
    const open = async (target) => {
      await page.goto(target, { waitUntil: "load" });
      await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
      return page.evaluate(() => [
        performance.getEntriesByName("first-contentful-paint")[0].startTime,
        performance.getEntriesByType("navigation")[0].responseStart,
      ]);
    };
    const pages = {
      "the newest": "/console/events",
      "of a customer": "/console/events?customer=C-7",
      "one event": `/console/events?event=e-${Math.floor(count / 2)}`,
      "one interaction": `/console/events?interaction=i-${Math.floor(count / 3)}`,
      "an outcome that only the oldest have (20 000 are looked at)": "/console/events?outcome=SCORED",
    };
    // Fifty pages down, by the page's own link.
    await page.goto(`${at}/console/events`);
    for (let n = 0; n < 50; n += 1) {
      const next = await page.$eval("a[rel=next]", (link) => link.href);
      await page.goto(next);
    }
    pages["the fifty-first page"] = page.url().slice(at.length);
    pages["one event's own page"] = `/console/events/first-bank/e-${Math.floor(count / 2)}`;
    console.log(`${count} events; first contentful paint, first byte: least / median / longest of ${times}, in ms`);
    for (const [name, target] of Object.entries(pages)) {
      const found = [];
      for (let n = 0; n < times; n += 1) found.push(await open(at + target));
      console.log(`${name}: ${told(found.map(([paint]) => paint))}, ${told(found.map(([, byte]) => byte))}`);
    }
  } finally {
    await browser.close();
  }
};

try {
  start(["simulate", "--bind", `127.0.0.1:${xceed}`], "ignore");
  start(["serve"], "ignore");
  await until(async () => (await fetch(`${at}/readyz`)).ok && (await fetch(`http://127.0.0.1:${xceed}/`)).ok);
  await fill();
  await measure();
} finally {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
  rmSync(folder, { recursive: true });
}
