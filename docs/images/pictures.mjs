// Takes the pictures of the page that the READMEs show, over the sample conversations.
//
//   claude-memory --home DIR import claude-code data/demo && claude-memory --home DIR embed
//   claude-memory --home DIR serve --http 127.0.0.1:18080 --webhook off
//   node docs/images/pictures.mjs CHROMIUM PLAYWRIGHT-CORE "$(claude-memory --home DIR open --print --http 127.0.0.1:18080)"
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [chromiumPath, playwright, address] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(path.join(playwright, "index.mjs")));
const here = path.dirname(fileURLToPath(import.meta.url));
const origin = new URL(address).origin;
const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-background-networking"] });
const context = await browser.newContext({ viewport: { width: 1200, height: 850 }, locale: "en-GB", colorScheme: "light" });
const page = await context.newPage();
const picture = (name) => page.screenshot({ path: path.join(here, `${name}.png`) });
const found = async (text) => {
  await page.fill("#query", text);
  await page.waitForFunction(() => document.querySelector(".hits")?.getAttribute("aria-busy") === "false" && document.querySelector(".result .snippet"));
};

await page.goto(address);
await page.waitForSelector(".stopped");
await page.waitForTimeout(500);
await picture("today");
await page.goto(`${origin}/#/search`);
await page.waitForSelector("#query");
// The first search of a service loads the encoder.
for (const text of ["why did we change the pool", "why did we change the pool size"]) await found(text);
await picture("search");
await page.locator("a.hit").first().click();
await page.waitForSelector("article.wanted");
await page.waitForTimeout(500);
await picture("conversation");
for (const [view, ready] of [["timeline", "a.hit"], ["health", ".bigstate"]]) {
  await page.goto(`${origin}/#/${view}`);
  await page.waitForSelector(ready);
  await page.waitForTimeout(500);
  await picture(view);
}
await page.evaluate(() => { localStorage.setItem("claude-memory.language", "zh"); localStorage.setItem("claude-memory.theme", "dark"); });
await page.setViewportSize({ width: 360, height: 740 });
await page.goto(`${origin}/#/search`);
await page.reload();
await page.waitForSelector("#query");
for (const text of ["支付回调", "支付网关重复回调"]) await found(text);
await picture("phone-dark-zh");
await browser.close();
