// Search as you type.

import { choice, h, show } from "./dom.js";
import { get, tool } from "./server.js";
import { marked, pattern } from "./text.js";
import { ago, moment, number, t } from "./words.js";
import { rows } from "./timeline.js";

const TIMES = { "": "anyTime", today: "today", "7 days ago": "week", "30 days ago": "month", "365 days ago": "year" };
const ROLES = { "": "anyRole", user: "user", assistant: "assistant", tool: "toolRole", system: "system" };
const MODES = { "": "hybrid", keyword: "keyword", semantic: "semantic", exact: "exact" };
// As many as a screen shows: what comes back for each key is to be on it before the next.
const HITS = 10;
// As many as are kept, folded away, when nothing speaks of what was asked.
const NEAREST = 2;
const day = (ts) => ts.slice(0, 10);
let projects = null;
let sources = [];

const select = (id, options, value, changed) => choice(t(id), options, value, { id, onchange: changed });

export async function open({ main, parameters, later, fail }) {
  if (!projects) {
    const [known, from] = await Promise.all([tool("memory_projects", {}), get("sources")]);
    ({ projects } = known);
    ({ sources } = from);
  }
  const field = h("input", { id: "query", type: "search", placeholder: t("ask"), "aria-label": t("search"), autocomplete: "off",
    spellcheck: "false", value: parameters.get("q") ?? "", oninput: () => soon() });
  const chosen = (name) => parameters.get(name) ?? "";
  const filters = h("div", { class: "filters" },
    select("project", [["", t("allProjects")], ...projects.map((entry) => [entry.name, entry.name])], chosen("p"), () => now()),
    select("time", Object.entries(TIMES).map(([name, text]) => [name, t(text)]), chosen("t"), () => now()),
    select("role", Object.entries(ROLES).map(([name, text]) => [name, t(text)]), chosen("r"), () => now()),
    select("source", [["", t("anySource")], ...sources.map((name) => [name, name])], chosen("s"), () => now()),
    select("mode", Object.entries(MODES).map(([name, text]) => [name, t(text)]), chosen("m"), () => now()));
  const status = h("p", { class: "small status", role: "status" });
  const list = h("ol", { class: "hits", "aria-label": t("results") });
  const end = h("div", { class: "row" });
  show(main, h("section", { class: "search", role: "search" }, field, filters), status, list, end);
  field.focus();
  let running = null, again = false, place = -1;
  later.signal.addEventListener("abort", () => running?.abort());

  const value = (id) => document.getElementById(id)?.value ?? "";
  // One question at a time: what was typed meanwhile is asked when the answer is there. Nobody waits for a pause.
  const soon = () => {
    list.setAttribute("aria-busy", "true");
    if (running) again = true;
    else now();
  };

  // Hits of one conversation that follow each other stand under its title once.
  const item = (hit, words, before) => {
    const href = `#/c?${new URLSearchParams({ m: hit.id, w: hit.match.terms.join(" ") })}`;
    const goesOn = hit.session_id === before?.session_id;
    return h("li", { class: goesOn && "goes-on" }, h("a", { href, class: "hit" },
      h("span", { class: goesOn ? "away" : "title" }, hit.title || hit.session_id),
      h("span", { class: "snippet" }, marked(hit.snippet, words)),
      h("span", { class: "small row" }, h("span", { class: `who ${hit.role}` }, t(hit.role === "tool" ? "toolRole" : hit.role)),
        h("span", {}, hit.project), h("time", { datetime: hit.ts, title: moment(hit.ts) }, ago(hit.ts)),
        hit.kind !== "text" && h("span", { class: "chip" }, hit.kind),
        hit.later_changed && h("span", { class: "chip", title: moment(hit.later_changed.ts) }, t("laterChanged", day(hit.later_changed.ts))),
        hit.later_on_this && h("span", { class: "chip", title: moment(hit.later_on_this.ts) }, t("laterOnThis", day(hit.later_on_this.ts))),
        hit.trust === "elsewhere" && h("span", { class: "chip bad" }, hit.said_by ? t("saidBy", hit.said_by) : t("elsewhere")),
        hit.trust === "suspicious" && h("span", { class: "chip bad" }, t("suspicious")))));
  };

  async function now(cursor) {
    const query = field.value.trim();
    const asked = new URLSearchParams(Object.entries({ q: query, p: value("project"), t: value("time"), r: value("role"), s: value("source"), m: value("mode") })
      .filter(([, text]) => text));
    history.replaceState(null, "", `#/search${asked.size ? `?${asked}` : ""}`);
    running?.abort();
    const mine = new AbortController();
    running = mine;
    try {
      list.setAttribute("aria-busy", "true");
      if (!query) {
        await recent(mine.signal);
        list.setAttribute("aria-busy", String(again));
        return;
      }
      const begun = performance.now();
      const answer = await tool("memory_search", {
        query, limit: HITS, max_tokens: 6000, cursor: typeof cursor === "string" ? cursor : undefined,
        project: value("project") || undefined, after: value("time") || undefined, mode: value("mode") || undefined,
        roles: value("role") ? [value("role")] : undefined, sources: value("source") ? [value("source")] : undefined,
      }, mine.signal);
      const words = pattern([...new Set(answer.results.flatMap((hit) => hit.match.terms))]);
      const each = (results) => results.map((hit, index) => item(hit, words, results[index - 1]));
      const silent = answer.confidence === "none" && typeof cursor !== "string";
      // What nothing speaks of is said first; the two nearest are folded away.
      const items = each(silent ? answer.beyond?.results ?? [] : answer.results);
      const nearest = silent ? each(answer.results.slice(0, NEAREST)) : [];
      if (typeof cursor === "string") list.append(...items);
      else {
        // Who has gone into the list already stays there.
        const inside = list.contains(document.activeElement);
        show(list, items);
        if (inside) move(0);
        else place = -1;
      }
      const count = list.children.length;
      const said = silent ? answer.results.length > 0 || count > 0 : count > 0;
      show(status, said && typeof cursor !== "string" && h("b", {}, t(`match.${answer.confidence}`)),
        silent && answer.beyond && h("span", {}, t(`beyond.${answer.beyond.lifted}`, answer.beyond.bound ? day(answer.beyond.bound) : "")), count ? t("found", number(count) + (answer.next_cursor ? "+" : ""), Math.round(performance.now() - begun)) : "",
        answer.warnings.map((warning) => h("span", { class: "chip" }, warning)));
      show(end, !silent && answer.next_cursor && h("button", { type: "button", onclick: () => now(answer.next_cursor) }, t("more")),
        nearest.length > 0 && h("details", { class: "nearest" }, h("summary", { class: "small" }, t("nearest")), h("ol", { class: "hits" }, nearest)),
        !said && h("div", { class: "empty" }, h("p", {}, t("nothing")), h("p", { class: "small" }, t("nothingHint"))));
      list.setAttribute("aria-busy", String(again));
    } catch (error) {
      fail(error);
    } finally {
      if (running === mine) {
        running = null;
        if (again) {
          again = false;
          now();
        }
      }
    }
  }

  async function recent(signal) {
    const project = value("project") || undefined;
    const { sessions } = await tool("memory_timeline", { limit: 12, project }, signal);
    place = -1;
    show(status, sessions.length ? t("recent") : "");
    show(list, rows(sessions));
    show(end, !sessions.length && h("div", { class: "empty" }, h("p", {}, t("noHistory")), h("p", { class: "small" }, t("noHistoryHint"))));
  }

  const move = (by) => {
    const links = [...list.querySelectorAll("a.hit")];
    if (!links.length) return false;
    place = Math.min(Math.max(place + by, -1), links.length - 1);
    if (place < 0) field.focus();
    else links[place].focus();
    return true;
  };
  await now();
  return {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: (_, typing) => !typing && move(1),
    k: (_, typing) => !typing && move(-1),
    Enter: (_, typing) => {
      if (!typing || document.activeElement !== field) return false;
      list.querySelector("a.hit")?.click();
      return true;
    },
    Escape: (_, typing) => {
      if (!typing) return false;
      field.value = "";
      now();
      return true;
    },
  };
}
