// The console in a real Chromium: every page, light and dark, wide and narrow; sign-in that is refused; replay of a parked
// delivery; decisions as they fall; no errors in the browser's console; and axe-core finds no violation.
//
//   node tests/browser/check.mjs --binary GATEWAY --node-modules FOLDER [--screenshots FOLDER]
//
// The last line sums it up: `N passed, M failed`.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";

const option = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const modules = path.resolve(option("--node-modules") ?? "node_modules");
const require = createRequire(path.join(modules, "of-the-tests.js"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(path.join(modules, "axe-core/axe.min.js"), "utf8");
const screenshots = option("--screenshots");
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

let passed = 0;
let failed = 0;
const check = (holds, what) => {
  if (holds) passed += 1;
  else {
    failed += 1;
    console.log(`FAILED: ${what}`);
  }
};

// The demo: a gateway with an Xceed of its own on loopback. It says where it is.
const demo = spawn(path.resolve(option("--binary")), ["demo"], { stdio: ["ignore", "pipe", "inherit"] });
const address = await new Promise((found, never) => {
  let text = "";
  demo.stdout.on("data", (piece) => {
    text += piece;
    const at = text.match(/http:\/\/([0-9.:]+)\/console/);
    if (at) found(at[1]);
  });
  demo.on("exit", () => never(new Error(`the demo ended: ${text}`)));
  setTimeout(() => never(new Error(`the demo does not say where it is: ${text}`)), 60000);
});

const submit = async (event) => {
  const headers = { Authorization: "Bearer demo", "Content-Type": "application/json" };
  const answer = await fetch(`http://${address}/v1/events`, { method: "POST", headers, body: JSON.stringify(event) });
  return answer.json();
};
const event = (eventId, customer) => ({ eventId, eventType: "Login", customer: { id: customer } });
const until = async (what, holds) => {
  for (let tries = 0; tries < 150; tries += 1) {
    if (await holds()) return check(true, what);
    await new Promise((later) => setTimeout(later, 100));
  }
  check(false, what);
};

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"],
});
try {
  const page = await browser.newPage();
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("requestfailed", (request) => {
    // A page that is left breaks its stream off.
    if (!request.url().endsWith("/stream")) errors.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  const open = (target) => page.goto(`http://${address}${target}`, { waitUntil: "load" });
  const accessible = async (what) => {
    // By way of the protocol, since the page's own policy lets no other script in.
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
    check(found.violations.length === 0, `${what}: ${found.violations.map((one) => `${one.id} (${one.nodes[0].html})`).join("; ")}`);
  };
  const signIn = async (key) => {
    await page.type("#key", key);
    await Promise.all([page.waitForNavigation(), page.click("main button")]);
  };

  // Whoever has a wrong key hears so. The browser counts a 401 as an error of its own.
  await open("/console/sign-in");
  await accessible("sign-in");
  await signIn("wrong");
  check((await page.$eval("[role=alert]", (alert) => alert.textContent)).includes("not known"), "a wrong key is refused");
  await accessible("sign-in refused");
  errors.length = 0;
  await signIn("demo");
  check(page.url().endsWith("/console/now"), "the right key opens Now");

  for (let n = 0; n < 12; n += 1) await submit(event(`seen-${n}`, `C-${n}`));
  await submit(event("parked-1", "SIM-XML_VALIDATION_FAIL"));
  await submit(event("slow-1", "SIM-SLOW-900"));
  const pages = {
    now: "/console/now",
    events: "/console/events",
    event: "/console/events/demo-bank/seen-3",
    care: "/console/care",
    confirm: "",
    system: "/console/system",
    missing: "/console/nothing",
    docs: "/docs",
  };
  await open(pages.care);
  const replay = await page.$eval("a.button[href$='/replay']", (link) => link.getAttribute("href"));
  pages.confirm = replay;
  if (screenshots) mkdirSync(screenshots, { recursive: true });
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const [name, target] of Object.entries(pages)) {
      for (const width of [1280, 390]) {
        await page.setViewport({ width, height: 800 });
        await open(target);
        await accessible(`${name}, ${scheme}, ${width} wide`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        check(overflow <= 0, `${name}: ${overflow} pixels wider than a screen of ${width}`);
        if (screenshots) await page.screenshot({ path: path.join(screenshots, `${name}-${scheme}-${width}.png`) });
      }
    }
  }
  errors.splice(0, errors.length, ...errors.filter((error) => !error.includes("404")));

  // Decisions are seen as they fall.
  await page.setViewport({ width: 1280, height: 800 });
  await open(pages.now);
  await submit(event("live-1", "C-live"));
  await until("a decision is seen as it falls", () => page.$eval("#lines", (lines) => lines.textContent.includes("live-1")));

  // The keyboard alone gets to the content and to every page.
  await open(pages.system);
  await page.keyboard.press("Tab");
  check(await page.evaluate(() => document.activeElement.className === "skip"), "the first stop is the way to the content");

  // A search finds one, and leads to it.
  await open(pages.events);
  await page.type("#event", "seen-5");
  await Promise.all([page.waitForNavigation(), page.click("main form button")]);
  check((await page.$$("#lines tr")).length === 1, "a search by id finds one");
  await Promise.all([page.waitForNavigation(), page.click("#lines a")]);
  check((await page.$eval("main", (main) => main.textContent)).includes("Attempt 1: answered SUCCESS"), "its story is told");

  // What is parked is replayed: Xceed refuses it once more, so it is parked again.
  await open(replay);
  await Promise.all([page.waitForNavigation(), page.click("main button")]);
  check(page.url().endsWith("/console/care"), "a replay leads back to the list");
  await until("the replay is made", async () => {
    await open("/console/events/demo-bank/parked-1");
    return (await page.$eval("main", (main) => main.textContent)).includes("Attempt 2");
  });

  await Promise.all([page.waitForNavigation(), page.click(".who button")]);
  check(page.url().endsWith("/console/sign-in"), "signing out leads to the sign-in");
  check(errors.length === 0, `errors in the browser: ${errors.join("; ")}`);
} catch (error) {
  check(false, error.stack);
} finally {
  await browser.close();
  demo.kill("SIGTERM");
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
