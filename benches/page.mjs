// How long from a key to the frame that shows what was found, in a real Chromium, and where the time goes.
//
//   claude-memory bench scale --turns 100000 --scratch DIR
//   claude-memory --home DIR/turns-100000 serve --http 127.0.0.1:18080 --webhook off
//   node benches/page.mjs CHROMIUM PLAYWRIGHT-CORE "$(claude-memory --home DIR/turns-100000 open --print --http 127.0.0.1:18080)" [keyword]
//
// Requests are not intercepted: that alone costs 15 ms and more for each of them.
import path from "node:path";
import { pathToFileURL } from "node:url";

const PAUSE = 180; // Milliseconds between keys, a quick typist.
const QUESTIONS = ["the raquiterlo jeldicelor", "and napmiterple that", "when but cediseldi a that", "in is of fodihanter", "should yalkimtrora",
  "for the baceforas be"]; // Words of the made-up history.

const [chromiumPath, playwright, address, mode] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(path.join(playwright, "index.mjs")));
const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
await page.goto(address);
await page.waitForSelector("h1");
await page.evaluate(() => { location.hash = "#/search"; });
await page.waitForSelector("#query");
if (mode) await page.selectOption("#mode", mode);
await page.evaluate(() => {
  window.keys = [];
  performance.setResourceTimingBufferSize(5000);
  let pressed = 0;
  document.querySelector("#query").addEventListener("keydown", () => { pressed = performance.now(); }, true);
  new MutationObserver((changes) => {
    if (!pressed || !changes.some((change) => change.type === "childList")) return;
    const [key, changed] = [pressed, performance.now()];
    pressed = 0;
    requestAnimationFrame(() => setTimeout(() => {
      const shown = performance.now();
      const asked = performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/api/search?")).at(-1);
      window.keys.push({ total: shown - key, asking: asked.requestStart - key, server: asked.responseStart - asked.requestStart,
        reading: changed - asked.responseStart, frame: shown - changed });
    }, 0));
  }).observe(document.querySelector("ol.hits"), { childList: true });
});
for (const question of QUESTIONS) {
  await page.fill("#query", "");
  await page.waitForTimeout(400);
  await page.focus("#query");
  for (const letter of question) {
    await page.keyboard.press(letter === " " ? "Space" : letter);
    await page.waitForTimeout(PAUSE);
  }
}
const keys = await page.evaluate(() => window.keys);
console.log(`${keys.length} keys, ${mode ?? "hybrid"}; milliseconds`);
for (const name of Object.keys(keys[0])) {
  const sorted = keys.map((key) => key[name]).sort((left, right) => left - right);
  const at = (share) => sorted[Math.floor(sorted.length * share)].toFixed(0).padStart(4);
  console.log(`  ${name.padEnd(8)} p50 ${at(0.5)}  p90 ${at(0.9)}  p95 ${at(0.95)}`);
}
await browser.close();
