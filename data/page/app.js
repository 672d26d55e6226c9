// The frame: who is let in, where the address leads, keys that work everywhere.

import { button, dialog, h, say, show } from "./dom.js";
import { icon } from "./icons.js";
import { enter, get, isIn, leave, redeem, tool } from "./server.js";
import { choose, chooseTheme, chosenLanguage, isDark, language, number, t, theme } from "./words.js";
import * as conversation from "./conversation.js";
import * as decisions from "./decisions.js";
import * as health from "./health.js";
import * as injections from "./injections.js";
import * as memories from "./memories.js";
import * as search from "./search.js";
import * as settings from "./settings.js";
import * as timeline from "./timeline.js";
import * as today from "./today.js";

const VIEWS = { today, search, c: conversation, timeline, memories, decisions, injections, health, settings };
const RAIL = ["today", "search", "timeline", "memories", "decisions", "injections", "health", "settings"];
const TABS = ["today", "search", "timeline", "memories", "decisions", "health"];
const main = document.getElementById("main");
let current = null;
/** Milliseconds after which the frame of a view is shown while it loads. */
const PATIENCE = 150;

const link = (name, active) => h("a", { href: `#/${name}`, "aria-current": name === active ? "page" : undefined }, icon(name), h("span", {}, t(name)));
const brand = () => h("a", { class: "brand", href: "#/today" }, h("img", { src: "/page/icon.svg", alt: "", width: 22, height: 22 }), "claude-memory");

/** The other theme and the other language, at a press. */
const switches = () => h("div", { class: "switches" },
  button(icon(isDark() ? "sun" : "moon"), "ghost icon", () => { chooseTheme(isDark() ? "light" : "dark"); frame(active); }, { "aria-label": t(isDark() ? "light" : "dark"), title: t(isDark() ? "light" : "dark") }),
  button(language() === "zh" ? "English" : "中文", "ghost tiny", () => { choose(language() === "zh" ? "en" : "zh"); go(); }, { lang: language() === "zh" ? "en" : "zh" }),
  button(icon("keys"), "ghost icon", keyHelp, { "aria-label": t("keys"), title: "?" }));

const state = h("p", { class: "state" });
let active = "", asked = 0;

function frame(name) {
  active = name;
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("skip");
  show(document.getElementById("top"), brand(), h("nav", { "aria-label": t("views") }, RAIL.map((entry) => link(entry, name))), h("div", { class: "foot" }, state, switches()));
  show(document.getElementById("phone"), brand(), switches());
  const tabs = document.getElementById("tabs");
  tabs.setAttribute("aria-label", t("views"));
  show(tabs, TABS.map((entry) => link(entry, name)));
}

/** Says at the foot of the rail how much can be searched; asked once a minute. */
async function report() {
  if (Date.now() - asked < 60000) return;
  asked = Date.now();
  const { messages, pending } = await tool("memory_stats", {});
  show(state, h("span", { class: pending ? "pulse waiting" : "pulse" }), h("span", {}, pending ? t("notEmbedded", number(pending)) : t("allEmbedded", number(messages))));
}

/** Where the address leads: a view and its parameters. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: VIEWS[path] ? path : "today", parameters: new URLSearchParams(query ?? "") };
}

// A link leads to the top of its view, at once: a person who scrolls while the rest loads stays there. Going back leads to the
// former position, once the view is complete; the browser would look for it too early.
history.scrollRestoration = "manual";
const places = new Map();
let forward = false;
addEventListener("click", (event) => { forward = Boolean(event.target.closest?.("a[href^='#/']")); }, true);
const visit = (hash) => {
  forward = true;
  location.hash = hash;
};

async function go(change) {
  if (change?.oldURL) places.set(new URL(change.oldURL).hash, scrollY);
  if (location.hash.startsWith("#ticket=")) {
    const ticket = location.hash.slice("#ticket=".length);
    history.replaceState(null, "", "/#/today");
    if (!(await redeem(ticket).catch(() => false)) && !isIn()) return ask(t("usedUp"));
  }
  if (!isIn()) return ask();
  const { name, parameters } = place();
  current?.end?.();
  frame(name === "c" ? "search" : name);
  document.title = `${t(RAIL.includes(name) ? name : "search")} · claude-memory`;
  const view = { main, parameters, fail, go, later: new AbortController() };
  const ghost = setTimeout(() => show(main, h("h1", { class: "away" }, t("loading")), h("div", { class: "hits", "aria-busy": "true" }, [0, 1, 2].map(() => h("div", { class: "result ghostly", "aria-hidden": "true" }, h("i"), h("i"), h("i"))))), PATIENCE);
  const loaded = new MutationObserver(() => clearTimeout(ghost));
  loaded.observe(main, { childList: true });
  const mine = current = { end: () => { clearTimeout(ghost); view.later.abort(); }, keys: {} };
  const back = change?.oldURL && !forward;
  if (forward) scrollTo(0, 0);
  forward = false;
  report().catch(() => {});
  try {
    mine.keys = (await VIEWS[name].open(view)) ?? {};
    // A conversation scrolls to the message that was asked for.
    if (back && name !== "c" && mine === current) scrollTo(0, places.get(location.hash) ?? 0);
  } catch (error) {
    if (mine === current) fail(error);
  } finally {
    clearTimeout(ghost);
    loaded.disconnect();
  }
}

/** Tells what went wrong; who is not let in any more is asked again. */
function fail(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) {
    leave();
    ask(t("wrongToken"));
    return;
  }
  const message = error instanceof TypeError ? t("unreachable") : error.message;
  show(main, h("section", { class: "empty", role: "alert" }, icon("warn", 32), h("h1", {}, t("failed")), h("p", {}, message), error.hint && h("p", { class: "small" }, error.hint),
    error instanceof TypeError && h("pre", {}, h("code", {}, "claude-memory serve")), button(t("retry"), "primary", () => go())));
}

function ask(why) {
  frame("");
  const field = h("input", { id: "token", type: "password", autocomplete: "off", required: true });
  const send = async (event) => {
    event.preventDefault();
    enter(field.value);
    try {
      await get("notes");
      go();
    } catch (error) {
      fail(error);
    }
  };
  show(main, h("section", { class: "empty" }, h("h1", {}, t("enterHeading")), why && h("p", { role: "alert", class: "tag bad why" }, why),
    h("p", {}, t("enterHint")), h("pre", {}, h("code", {}, "claude-memory open")),
    h("form", { class: "row", onsubmit: send }, h("label", { for: "token" }, t("token")), field, h("button", { class: "primary" }, t("enter")))));
}

const GO = { t: "today", s: "search", l: "timeline", m: "memories", d: "decisions", i: "injections", h: "health", e: "settings" };
const KEYS = [["/", "keySearch"], ["j k ↓ ↑", "keyMove"], ["Enter", "keyOpen"], ["n p", "keyMatch"], ["c", "keyCopy"], ["Esc", "keyBack"], ["?", "keyHelp"]];

function keyHelp() {
  const row = (keys, text) => h("tr", {}, h("td", {}, keys.split(" ").map((key) => [h("kbd", {}, key), " "])), h("td", {}, text));
  dialog(t("keys"), h("table", {}, h("tbody", {}, KEYS.map(([keys, name]) => row(keys, t(name))), Object.entries(GO).map(([key, name]) => row(`g ${key}`, t(name))))), [[t("close"), true, "primary"]]);
}

let after = "";
addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && typing && !current?.keys.Escape) return event.target.blur();
  if (typing && !["Escape", "ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  const key = event.key;
  if (after === "g" && GO[key]) visit(`#/${GO[key]}`);
  else if (current?.keys[key]?.(event, typing)) event.preventDefault();
  else if (key === "/" && !typing) {
    event.preventDefault();
    const field = document.getElementById("query");
    if (field) field.select();
    else visit("#/search");
  } else if (key === "?" && !typing) keyHelp();
  else if (key === "Escape" && !typing && place().name === "c") history.back();
  after = key === "g" ? "g" : "";
});

addEventListener("hashchange", go);
addEventListener("unhandledrejection", (event) => event.reason?.name !== "AbortError" && say(event.reason?.message ?? t("failed")));
document.getElementById("skip").addEventListener("click", (event) => {
  // The address belongs to the views.
  event.preventDefault();
  main.focus();
});
choose(chosenLanguage());
chooseTheme(theme());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chooseTheme(theme()));
go();
