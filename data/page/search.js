// Search as you type: keyword matches with each key, the whole answer when the typing stops.

import { button, choice, h, project, show } from "./dom.js";
import { inline } from "./documents.js";
import { icon } from "./icons.js";
import { get, tool } from "./server.js";
import { ago, date, moment, number, t } from "./words.js";
import { rows } from "./timeline.js";

const TIMES = { "": "time", today: "today", yesterday: "yesterday", "7 days ago": "week", "30 days ago": "month", "365 days ago": "year" };
const ROLES = { "": "role", user: "user", assistant: "assistant", tool: "toolRole", system: "system" };
const MODES = { "": "hybrid", keyword: "keyword", semantic: "semantic", exact: "exact" };
/** As many as a screen shows: what comes back for each key is to be on it before the next. */
const HITS = 12;
/** As many sessions as are kept, folded away, when nothing speaks of what was asked. */
const NEAREST = 2;
/** Milliseconds without a key after which the whole answer is wanted, and before the frame of what loads is shown. */
const PAUSE = 120, PATIENCE = 150;
let projects = null;
let sources = [];

const FILTERS = ["project", "time", "role", "source", "mode"];
const SHORT = { project: "p", time: "t", role: "r", source: "s", mode: "m" };

const bars = (confidence) => h("span", { class: `bars3 ${confidence}`, "aria-hidden": "true" }, h("i"), h("i"), h("i"));

/** Results of one session stand together, in the order of their best. */
function bySession(results) {
  const groups = new Map();
  for (const hit of results) groups.set(hit.session_id, [...(groups.get(hit.session_id) ?? []), hit]);
  return [...groups.values()];
}

/** A question with its answer, in the order of speaking; a hit of another kind alone. */
function exchange(hit) {
  const line = (who, spans, mine) => spans?.length > 0 && h("p", { class: mine ? "snippet" : "asked" }, h("span", { class: `who ${who}` }, t(who === "tool" ? "toolRole" : who)), h("span", { class: "clamp" }, inline(spans)));
  return h("div", { class: "exchange" }, hit.asked && line("user", hit.asked.spans, false), line(hit.role, hit.spans, true), hit.answered && line("assistant", hit.answered.spans, false));
}

const tags = (hit) => [hit.kind !== "text" && h("span", { class: "tag" }, t(`kind.${hit.kind}`)),
  hit.later_changed && h("span", { class: "tag warn" }, t("changedLater")),
  hit.trust === "elsewhere" && h("span", { class: "tag bad" }, hit.said_by ? t("saidBy", hit.said_by) : t("elsewhere")),
  hit.trust === "suspicious" && h("span", { class: "tag bad" }, t("suspicious"))];

function card(hits, query, newest) {
  const [best, ...others] = hits;
  const href = (hit) => `#/c?${new URLSearchParams({ m: hit.id, q: query, w: hit.match.terms.join(" ") })}`;
  const later = best.later_changed ?? best.later_on_this;
  return h("li", {}, h("article", { class: "result" },
    h("header", {}, project(best.project), h("time", { class: "dim", datetime: best.ts, title: moment(best.ts) }, `${date(best.ts)} · ${ago(best.ts)}`), newest && h("span", { class: "tag ok" }, t("newestOnThis")), tags(best),
      h("span", { class: "grow" }), h("span", { class: "dim" }, t("matches", number(hits.length)))),
    h("h2", {}, h("a", { class: "hit", href: href(best) }, best.title || best.session_id)),
    exchange(best),
    later && h("p", { class: "changed" }, icon("clock", 14), h("a", { href: `#/c?m=${encodeURIComponent(later.id)}` }, t(best.later_changed ? "laterChanged" : "laterOnThis", date(later.ts)))),
    others.length > 0 && h("details", {}, h("summary", {}, t("moreInSession", number(others.length))), h("ul", {}, others.map((hit) => h("li", {}, h("a", { href: href(hit) },
      h("span", { class: `who ${hit.role}` }, t(hit.role === "tool" ? "toolRole" : hit.role)), " ", inline(hit.spans), " ", tags(hit))))))));
}

const ghosts = () => [0, 1, 2].map(() => h("li", { class: "result ghostly", "aria-hidden": "true" }, h("i"), h("i"), h("i")));

export async function open({ main, parameters, later, fail }) {
  if (!projects) {
    const [known, from] = await Promise.all([tool("memory_projects", {}), get("sources")]);
    ({ projects } = known);
    ({ sources } = from);
  }
  const field = h("input", { id: "query", type: "search", placeholder: t("ask"), "aria-label": t("search"), autocomplete: "off",
    spellcheck: "false", enterkeyhint: "search", value: parameters.get("q") ?? "", oninput: () => soon() });
  const select = (id, options) => choice(t(`label.${id}`), options, parameters.get(SHORT[id]) ?? "", { id, onchange: () => ask("", true) });
  const named = (pairs) => Object.entries(pairs).map(([name, text]) => [name, t(text)]);
  const summary = h("summary", {});
  const filters = h("details", { class: "filters", open: innerWidth > 768 }, summary, h("div", { class: "row" },
    select("project", [["", t("project")], ...projects.map((entry) => [entry.name, entry.name])]), select("time", named(TIMES)),
    select("role", named(ROLES)), select("source", [["", t("source")], ...sources.map((name) => [name, name])]), select("mode", named(MODES))));
  const status = h("div", { class: "verdict", role: "status" });
  const list = h("ol", { class: "hits", "aria-label": t("results") });
  const end = h("div", {});
  show(main, h("section", { class: "searchtop", role: "search" }, h("h1", { class: "away" }, t("search")), h("div", { class: "searchbar" }, icon("search", 20), field, h("kbd", {}, "/")), filters), status, list, end);
  field.focus({ preventScroll: true });
  let place = -1, running = null, waiting, ghost;
  later.signal.addEventListener("abort", () => {
    running?.abort();
    clearTimeout(waiting);
    clearTimeout(ghost);
  });
  const value = (id) => document.getElementById(id)?.value ?? "";

  /** A key was typed: what the keyword index finds at once, the whole answer after a pause. One such request at a time. */
  let quick = false, again = false;
  async function soon() {
    list.setAttribute("aria-busy", "true");
    clearTimeout(waiting);
    waiting = setTimeout(() => ask("", true), PAUSE);
    if (value("mode") || !field.value.trim()) return;
    if (quick) {
      again = true;
      return;
    }
    do {
      quick = true;
      again = false;
      await ask("keyword", false);
      quick = false;
    } while (again && !later.signal.aborted);
  }

  const describe = () => {
    const chosen = FILTERS.filter((name) => value(name));
    for (const name of FILTERS) document.getElementById(name)?.classList.toggle("on", Boolean(value(name)));
    show(summary, icon("filter"), t("filters"), chosen.length > 0 && h("span", { class: "count" }, number(chosen.length)));
    const asked = new URLSearchParams([["q", field.value.trim()], ...FILTERS.map((name) => [SHORT[name], value(name)])].filter(([, text]) => text));
    history.replaceState(null, "", `#/search${asked.size ? `?${asked}` : ""}`);
  };

  async function ask(mode, whole, cursor) {
    const query = field.value.trim();
    if (whole) {
      clearTimeout(waiting);
      running?.abort();
      describe();
    }
    const mine = new AbortController();
    if (whole) running = mine;
    list.setAttribute("aria-busy", "true");
    try {
      if (!query) {
        if (whole) await blank(mine.signal);
        return;
      }
      if (whole && !list.querySelector(".result")) {
        clearTimeout(ghost);
        ghost = setTimeout(() => show(list, ghosts()), PATIENCE);
      }
      const time = value("time");
      const begun = performance.now();
      const answer = await get("search", { q: query, limit: HITS, cursor, project: value("project"), mode: mode || value("mode"), role: value("role"), source: value("source"),
        after: time, before: time === "yesterday" ? "today" : undefined }, mine.signal);
      // What was typed meanwhile has its own answer on the way.
      if (field.value.trim() !== query || (!whole && running && running !== mine && list.dataset.whole === query)) return;
      clearTimeout(ghost);
      draw(answer, query, whole, cursor, Math.round(performance.now() - begun));
    } catch (error) {
      clearTimeout(ghost);
      if (whole || error.status === 401) fail(error);
    } finally {
      if (whole && running === mine && field.value.trim() === query) list.setAttribute("aria-busy", "false");
    }
  }

  function draw(answer, query, whole, cursor, took) {
    const silent = answer.confidence === "none" && !cursor;
    const groups = bySession(silent ? answer.beyond?.results ?? [] : answer.results);
    // Of several sessions on the same thing, the one that the others point to holds.
    const pointed = new Set(groups.flatMap((hits) => hits.flatMap((hit) => [hit.later_changed?.id, hit.later_on_this?.id])).filter(Boolean));
    const items = groups.map((hits) => card(hits, query, hits.some((hit) => pointed.has(hit.id) && !hit.later_changed && !hit.later_on_this)));
    const nearest = silent && whole ? bySession(answer.results).slice(0, NEAREST).map((hits) => card(hits, query)) : [];
    if (cursor) list.append(...items);
    else {
      // Who has gone into the list already stays there.
      const inside = list.contains(document.activeElement);
      show(list, items);
      list.dataset.whole = whole ? query : "";
      if (inside) move(0);
      else place = -1;
    }
    const sessions = list.children.length;
    // Keywords alone say little about how sure an answer is.
    const shown = whole ? (silent ? (answer.beyond ? answer.beyond.confidence : "none") : answer.confidence) : "";
    show(status, whole ? [bars(shown), h("b", {}, silent ? t("match.none") : t(`match.${answer.confidence}`, number(sessions)))] : h("span", { class: "dim" }, t("keywordFirst")),
      whole && h("span", { class: "words" }, silent && answer.beyond ? t(`beyond.${answer.beyond.lifted}`, answer.beyond.bound ? date(answer.beyond.bound) : "") : t(`about.${answer.confidence}`)),
      answer.warnings.map((warning) => h("span", { class: "tag warn" }, warning)), h("span", { class: "dim time" }, t("ms", number(took))));
    show(end, !silent && answer.next_cursor && h("p", { class: "row center" }, button(t("more"), "", () => ask("", true, answer.next_cursor))),
      nearest.length > 0 && h("details", { class: "nearest" }, h("summary", { class: "dim" }, t("nearest")), h("ol", { class: "hits" }, nearest)),
      whole && !sessions && help());
  }

  const help = () => h("div", { class: "help" }, h("h2", {}, t("youCould")), h("ul", {}, FILTERS.some((name) => value(name)) && h("li", {}, t("tryFilters")), h("li", {}, t("tryExact")), h("li", {}, t("tryWords")), h("li", {}, t("tryImport"))));

  /** Before a question: how to ask, and the newest sessions. */
  async function blank(signal) {
    const { sessions } = await tool("memory_timeline", { limit: 12, project: value("project") || undefined }, signal);
    place = -1;
    show(status);
    show(list);
    show(end, sessions.length ? h("div", { class: "columns" },
      h("section", { class: "card" }, h("h2", {}, t("recent")), h("ul", { class: "rows" }, rows(sessions))),
      h("section", { class: "card" }, h("h2", {}, t("waysToAsk")), h("dl", { class: "ways" }, ["Question", "Error", "Path", "Time"].map((name) => h("div", {}, h("dt", {}, t(`way${name}`)), h("dd", {}, t(`way${name}Does`)))))))
      : h("div", { class: "empty" }, icon("search", 32), h("h2", {}, t("noHistory")), h("p", {}, t("noHistoryHint")), h("pre", {}, h("code", {}, "claude-memory import"))));
  }

  const move = (by) => {
    const links = [...main.querySelectorAll("a.hit")];
    if (!links.length) return false;
    place = Math.min(Math.max(place + by, -1), links.length - 1);
    if (place < 0) field.focus();
    else {
      links[place].focus({ preventScroll: true });
      links[place].closest("li")?.scrollIntoView({ block: "nearest" });
    }
    return true;
  };
  await ask("", true);
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
      ask("", true);
      return true;
    },
  };
}
