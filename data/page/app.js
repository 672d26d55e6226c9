// The frame: who is let in, where the address leads, keys that work everywhere.

import { dialog, h, say, show } from "./dom.js";
import { enter, get, isIn, leave, redeem } from "./server.js";
import { choose, chooseTheme, chosenLanguage, language, t, theme } from "./words.js";
import * as conversation from "./conversation.js";
import * as decisions from "./decisions.js";
import * as health from "./health.js";
import * as injections from "./injections.js";
import * as memories from "./memories.js";
import * as search from "./search.js";
import * as settings from "./settings.js";
import * as timeline from "./timeline.js";

const VIEWS = { search, c: conversation, timeline, memories, decisions, injections, health, settings };
const TABS = ["search", "timeline", "memories", "decisions", "injections", "health", "settings"];
const main = document.getElementById("main");
let current = null;

function frame(active) {
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("skip");
  const tabs = TABS.map((name) => h("a", { href: `#/${name}`, "aria-current": name === active ? "page" : undefined }, t(name)));
  show(document.getElementById("top"), h("a", { class: "brand", href: "#/search" }, "claude-memory"),
    h("nav", { "aria-label": "claude-memory" }, tabs));
}

/** Where the address leads: a view and its parameters. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: VIEWS[path] ? path : "search", parameters: new URLSearchParams(query ?? "") };
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
    history.replaceState(null, "", "/#/search");
    if (!(await redeem(ticket).catch(() => false)) && !isIn()) return ask(t("usedUp"));
  }
  if (!isIn()) return ask();
  const { name, parameters } = place();
  current?.end?.();
  frame(name);
  document.title = `${t(TABS.includes(name) ? name : "search")} · claude-memory`;
  const view = { main, parameters, fail, go, later: new AbortController() };
  current = { end: () => view.later.abort(), keys: {} };
  const back = change?.oldURL && !forward;
  if (forward) scrollTo(0, 0);
  forward = false;
  try {
    current.keys = (await VIEWS[name].open(view)) ?? {};
    // A conversation scrolls to the message that was asked for.
    if (back && name !== "c") scrollTo(0, places.get(location.hash) ?? 0);
  } catch (error) {
    fail(error);
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
  show(main, h("section", { class: "empty", role: "alert" }, h("h1", {}, t("failed")), h("p", {}, message), error.hint && h("p", { class: "small" }, error.hint),
    h("button", { type: "button", onclick: go }, t("retry"))));
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
  show(main, h("section", { class: "empty" }, h("h1", {}, t("enterHeading")), why && h("p", { role: "alert", class: "bad" }, why),
    h("p", {}, t("enterHint")), h("pre", {}, h("code", {}, "claude-memory open")),
    h("form", { class: "row", onsubmit: send }, h("label", { for: "token" }, t("token")), field, h("button", { class: "primary" }, t("enter")))));
}

const GO = { s: "search", t: "timeline", m: "memories", d: "decisions", i: "injections", h: "health" };
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
  } else if (key === "?" && !typing) dialog(t("keys"), h("p", {}, t("keyList")), [[t("done"), true, "primary"]]);
  else if (key === "Escape" && !typing && place().name === "c") history.back();
  after = key === "g" ? "g" : "";
});

addEventListener("hashchange", go);
addEventListener("unhandledrejection", (event) => say(event.reason?.message ?? t("failed")));
document.getElementById("skip").addEventListener("click", (event) => {
  // The address belongs to the views.
  event.preventDefault();
  main.focus();
});
choose(chosenLanguage());
chooseTheme(theme());
go();
