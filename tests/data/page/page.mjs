// Uses the page as a person would, in the real Chromium, and prints what it saw, a line of JSON for each step.
// Arguments: Chromium's path, playwright-core's path, the address with a ticket, a folder for pictures or "".
import path from "node:path";
import { pathToFileURL } from "node:url";

const [chromiumPath, playwright, address, pictures] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(path.join(playwright, "index.mjs")));
const origin = new URL(address).origin;
const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
const told = (step, data) => console.log(JSON.stringify({ step, ...data }));
const troubles = [];

async function person(options) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 850 }, locale: "en-GB", colorScheme: "light", ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("dialog", (dialog) => { troubles.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) troubles.push(`elsewhere: ${request.url()}`); });
  return { context, page };
}
const picture = async (page, name, whole = false) => pictures && page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: whole });
const settled = (page) => page.waitForFunction(() => document.querySelector(".hits")?.getAttribute("aria-busy") === "false");
const search = async (page, text) => {
  await page.fill("#query", text);
  await settled(page);
  await page.waitForSelector(".result .snippet");
};

// Who has no ticket sees nothing.
const stranger = await person({});
await stranger.page.goto(origin);
await stranger.page.waitForSelector("#token");
told("stranger", { text: await stranger.page.textContent("#main"), hits: await stranger.page.locator("a.hit").count() });
await stranger.page.fill("#token", "wrong");
await stranger.page.press("#token", "Enter");
await stranger.page.waitForSelector("p.why, p.bad");
await stranger.context.close();
troubles.length = 0; // The refusal is an error in its console.

// With a ticket: in, and the address holds it no more.
const { context, page } = await person({});
await page.goto(address);
await page.waitForSelector(".stopped a.hit");
told("entered", { address: page.url(), cookies: (await context.cookies()).length, kept: await page.evaluate(() => Object.keys(localStorage)) });
const second = await person({});
await second.page.goto(address);
await second.page.waitForSelector("p.why, p.bad");
told("used up", { text: await second.page.textContent("p.why, p.bad") });
await second.context.close();
troubles.length = 0;

// Today: where the work stopped, and what is open.
told("today", { title: await page.textContent("h1"), stopped: await page.textContent(".stopped h2"), errors: await page.waitForSelector("[aria-busy]", { state: "detached" }).then(() => page.locator("ul.errors li, .columns p.dim").count()) });
await picture(page, "today");
await page.goto(`${origin}/#/search`);
await page.waitForSelector("#query");

// Search in two languages.
await search(page, "why did we change the pool size");
told("english", { first: await page.locator(".result .snippet").first().textContent(), marks: await page.locator(".result mark").count() });
// With the encoder loaded, as after anybody's first search.
await search(page, "why did we change the pool");
await search(page, "why did we change the pool size");
await picture(page, "search");
await search(page, "支付网关重复回调");
told("chinese", { first: await page.locator(".result .snippet").first().textContent(), marks: await page.locator(".result mark").allTextContents() });
await page.selectOption("#role", "user");
await settled(page);
told("filtered", { roles: [...new Set(await page.locator(".result .snippet > .who").allTextContents())], address: page.url() });
await page.selectOption("#role", "");

// The keyboard alone: search, choose, read, come back.
await page.keyboard.press("Escape");
await page.keyboard.type("connection pool");
// The hits of the last key, not those of one before.
await page.waitForFunction(() => document.querySelector(".hits").getAttribute("aria-busy") === "false" && [...document.querySelectorAll(".result mark")].some((mark) => /pool/i.test(mark.textContent)));
await page.waitForTimeout(300);
await page.keyboard.press("ArrowDown");
const focused = await page.evaluate(() => document.activeElement.className);
await page.keyboard.press("Enter");
await page.waitForSelector("article.wanted");
await page.waitForTimeout(200);
told("read", { focused, turns: await page.locator("article.turn").count(), title: await page.textContent("h1"),
  seen: await page.locator("article.wanted").evaluate((element) => { const box = element.getBoundingClientRect(); return box.top >= 0 && box.top < innerHeight - 60; }),
  match: await page.textContent(".within [role=status]"), now: await page.locator("mark.now").count(), prompts: await page.locator(".outline li").count() });
await picture(page, "conversation");
// A link leads to the top of where it leads; going back, to where one was.
await page.setViewportSize({ width: 1200, height: 400 });
await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
const left = await page.evaluate(() => scrollY);
await page.locator('#top nav a[href="#/timeline"]').click();
await page.waitForSelector("rect[data-day]");
const top = await page.evaluate(() => scrollY);
await page.evaluate(() => scrollTo(0, 300));
// A person who scrolls before the rest has come stays there.
await page.waitForSelector(".hits a.hit");
await page.waitForTimeout(200);
await page.locator('#top nav a[href="#/health"]').click();
await page.waitForSelector(".bigstate");
await page.goBack();
await page.waitForSelector("rect[data-day]");
await page.waitForFunction(() => scrollY > 0);
told("scrolled", { left, top, back: await page.evaluate(() => scrollY) });
await page.goBack();
await page.setViewportSize({ width: 1200, height: 850 });
await page.waitForSelector("article.wanted");
await page.waitForTimeout(200);
await page.keyboard.press("c");
told("copied", { text: await page.evaluate(() => navigator.clipboard.readText()), wanted: await page.locator("article.wanted .prose").first().textContent() });
await page.keyboard.press("Escape");
await page.waitForSelector("#query");
told("back", { query: await page.inputValue("#query") });

// What a hostile history says stays text.
await search(page, "hostile corpus");
await page.locator("a.hit").first().click();
await page.waitForSelector("article.wanted");
await page.locator(".turns details > summary").evaluateAll((all) => all.forEach((summary) => summary.click()));
await page.waitForTimeout(500);
told("hostile", { harmed: await page.evaluate(() => window.harmed ?? null), inside: await page.locator("main img, main iframe, main script, main object, main svg[onload], main form, main style").count(),
  links: await page.locator("main .prose a").evaluateAll((all) => all.map((link) => new URL(link.href).protocol)), text: await page.textContent("main") });

// A memory: saved, pinned, changed, forgotten.
await page.goto(`${origin}/#/memories`);
await page.fill("#new", "We tag releases on Thursdays 每周四发版");
await page.locator("form.card button.primary").click();
await page.waitForSelector("li.card");
await page.locator("li.card").first().getByRole("button", { name: "Pin" }).click();
await page.waitForSelector(".chip.on");
await page.locator("li.card").first().getByRole("button", { name: "Edit" }).click();
await page.locator("li.card textarea").fill("We tag releases on Wednesdays 每周三发版");
await page.locator("li.card button.primary").click();
await page.waitForFunction(() => document.querySelector("li.card .prose")?.textContent.includes("Wednesdays"));
told("changed", { text: await page.locator("li.card").first().textContent(), count: await page.locator("li.card").count() });
await picture(page, "memories");
await page.locator("li.card").first().getByRole("button", { name: "Delete" }).click();
await page.waitForSelector("dialog[open]");
told("preview", { text: await page.textContent("dialog") });
await page.locator("dialog button.danger").click();
await page.waitForFunction(() => document.querySelector("dialog h2")?.textContent === "Deleted");
told("receipt", { text: await page.textContent("dialog") });
await page.locator("dialog button.primary").click();
await page.waitForSelector("p.empty");

// A suggestion: dismissed, and another one confirmed.
await page.goto(`${origin}/#/decisions`);
await page.waitForSelector("li.card .turn.user");
const suggested = await page.locator("li.card").count();
await page.locator("li.card").first().getByRole("button", { name: "Dismiss" }).click();
await page.waitForFunction((count) => document.querySelectorAll("li.card").length === count - 1, suggested);
await page.locator("li.card button.primary").first().click();
await page.waitForSelector("li.card .chip.on");
told("suggestions", { suggested, first: await page.locator("li.card").first().textContent() });
await picture(page, "decisions");

// Days, health, settings.
await page.goto(`${origin}/#/timeline`);
await page.waitForSelector("a.hit");
told("timeline", { days: await page.locator("rect[data-day]").count(), sessions: await page.locator("a.hit").count() });
await picture(page, "timeline");
await page.locator("rect[data-day]").first().click();
// This link stands there only while one day is shown; hits before it are those of all days.
await page.waitForSelector("text=All days");
await page.waitForFunction(() => location.hash.includes("d="));
await page.waitForSelector("a.hit");
told("one day", { sessions: await page.locator("a.hit").count() });
await page.goto(`${origin}/#/health`);
await page.waitForSelector(".bigstate");
told("state", { words: await page.textContent(".bigstate"), checks: await page.locator(".checks li").count() });
await page.goto(`${origin}/#/health?tab=operator`);
await page.waitForSelector(".gauge");
told("health", { gauges: await page.locator(".gauge").count(), checks: await page.locator(".checks li").count(), charts: await page.locator(".line").count() });
await picture(page, "health", true);
await page.goto(`${origin}/#/settings`);
await page.waitForSelector("table.settings");
told("settings", { rows: await page.locator("table.settings tbody tr").count() });

// Another language, the dark, a telephone.
await page.locator("main select").first().selectOption("zh");
await page.waitForFunction(() => document.querySelector("#top nav")?.textContent.includes("搜索"));
told("language", { nav: await page.textContent("#top nav"), of: await page.getAttribute("html", "lang") });
await page.locator("main select").nth(1).selectOption("dark");
await page.setViewportSize({ width: 360, height: 740 });
const wide = {};
for (const view of ["today", "search?q=pool", "timeline", "memories", "decisions", "injections", "health", "health?tab=operator", "settings"]) {
  await page.goto(`${origin}/#/${view}`);
  await page.waitForTimeout(900);
  wide[view] = await page.evaluate(() => document.documentElement.scrollWidth);
  if (view.startsWith("search")) await picture(page, "phone-dark-zh");
}
await page.locator('#tabs a[href="#/search"]').click();
await search(page, "连接池");
await page.locator("a.hit").first().click();
await page.waitForSelector("article.wanted");
wide.conversation = await page.evaluate(() => document.documentElement.scrollWidth);
told("phone", { wide, background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor) });

// Everything that can be used has a name, everything that is read can be told from its ground.
await page.setViewportSize({ width: 1200, height: 850 });
const weak = {};
for (const theme of ["light", "dark"]) {
  for (const view of ["today", "search?q=pool", "timeline", "memories", "decisions", "injections", "health", "health?tab=operator", "settings"]) {
    await page.evaluate((name) => localStorage.setItem("claude-memory.theme", name), theme);
    await page.goto(`${origin}/#/${view}`);
    await page.reload();
    await page.waitForTimeout(900);
    weak[`${theme} ${view}`] = await page.evaluate(() => {
      const channel = (value) => { const part = value / 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
      const read = (text) => text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
      const light = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
      const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const colour = read(getComputedStyle(at).backgroundColor);
          if (colour.length < 4 || colour[3] > 0.5) return colour;
        }
        return [255, 255, 255];
      };
      const found = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.checkVisibility({ opacityProperty: true }) || element.closest("noscript, svg, option, #note, .skip")) continue;
        const [one, two] = [light(read(getComputedStyle(element).color)), light(ground(element))].sort((left, right) => right - left);
        if ((one + 0.05) / (two + 0.05) < 4.5) found.push(`${element.tagName}.${element.className}: ${((one + 0.05) / (two + 0.05)).toFixed(2)}`);
      }
      for (const element of document.querySelectorAll("input, select, textarea, button, a[href]")) {
        const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent || element.title;
        if (!name?.trim()) found.push(`without a name: ${element.outerHTML.slice(0, 80)}`);
      }
      return [...new Set(found)];
    });
  }
}
told("weak", { weak });
told("end", { troubles });
await browser.close();
