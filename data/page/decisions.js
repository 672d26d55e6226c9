// What rules read as decided, corrected or ruled: suggestions that the person confirms or dismisses.

import { choice, h, head, project, say, show } from "./dom.js";
import { decide, tool } from "./server.js";
import { ago, moment, number, t } from "./words.js";

const KINDS = ["decision", "correction", "rule"];
const STATES = ["in_force", "replaced", "reverted"];
const STATUSES = ["suggested", "confirmed", "dismissed"];
const PER_PAGE = 20;

const verbatim = (text) => h("div", { class: "doc prose" }, h("p", {}, text));
const message = (id, text) => h("a", { href: `#/c?m=${encodeURIComponent(id)}` }, text);

export async function open({ main, later, fail }) {
  const list = h("ul", { class: "cards" }), end = h("div", { class: "row center" });
  const status = h("p", { class: "small", role: "status" });

  const act = (work) => async (event) => {
    event?.preventDefault();
    try {
      await work();
    } catch (error) {
      if (error.status === 401) fail(error);
      else say(error.hint ? `${error.message} (${error.hint})` : error.message);
    }
  };

  function card(entry) {
    const scope = choice(t("scope"), ["project", "everywhere"].map((name) => [name, t(`scope.${name}`)]), entry.scope, {}, true);
    const confirm = act(async () => {
      await tool("memory_decisions", { confirm: entry.id, scope: scope.querySelector("select").value });
      say(t("confirmed"));
      await load();
    });
    const dismiss = act(async () => {
      await decide("suggestions/dismiss", { id: entry.id });
      say(t("dismissed"));
      await load();
    });
    return h("li", { class: "card" },
      h("div", { class: "row small" }, entry.kinds.map((kind) => h("span", { class: "chip" }, t(`kind.${kind}`))),
        h("span", { class: entry.status === "confirmed" ? "chip on" : "chip" }, t(`status.${entry.status}`)),
        h("span", { class: entry.state === "in_force" ? "chip" : "chip bad" }, t(`state.${entry.state}`)),
        project(entry.project), entry.scope === "everywhere" && h("span", {}, t("scope.everywhere")),
        h("span", {}, t("saidTimes", number(entry.times), number(entry.sessions))),
        h("time", { datetime: entry.ts, title: moment(entry.ts) }, ago(entry.ts)),
        entry.trust === "suspicious" && h("span", { class: "chip bad" }, t("suspicious"))),
      entry.proposal && h("div", { class: "turn assistant" }, h("p", { class: "who small" }, t("proposed")), verbatim(entry.proposal)),
      h("div", { class: "turn user" }, verbatim(entry.text)),
      h("div", { class: "row acts" }, message(entry.id, t("inSession")),
        entry.later && message(entry.later, t("seeLater")), entry.note && message(entry.note, t("seeMemory")),
        entry.status !== "confirmed" && [scope, h("button", { type: "button", class: "primary", onclick: confirm }, t("confirm"))],
        entry.status === "suggested" && h("button", { type: "button", onclick: dismiss }, t("dismiss"))));
  }

  async function load(from = 0) {
    const value = (name) => form.elements[name].value || undefined;
    const asked = { from, limit: PER_PAGE, subject: value("subject"), project: value("project"), kind: value("kind"), state: value("state"), status: value("status") };
    const found = await tool("memory_decisions", asked, later.signal);
    if (from === 0) show(list, found.suggestions.map(card));
    else list.append(...found.suggestions.map(card));
    show(status, t("suggestionSum", number(found.total)), found.partial && ` ${t("olderNotExamined")}`);
    show(end, found.next && h("button", { type: "button", onclick: act(() => load(found.next)) }, t("more")),
      !list.childElementCount && h("p", { class: "empty" }, t("noSuggestions")));
  }

  const known = (await tool("memory_projects", {}, later.signal)).projects.map((entry) => entry.name);
  const reload = act(() => load());
  const options = (all, names, prefix) => [["", t(all)], ...names.map((name) => [name, prefix ? t(`${prefix}.${name}`) : name])];
  const select = (label, values, name) => choice(t(label), values, "", { name, onchange: reload });
  const form = h("form", { role: "search", onsubmit: reload },
    h("div", { class: "filters row" }, h("label", { class: "filter" }, h("span", {}, t("subject")), h("input", { name: "subject", type: "search", placeholder: t("subject") })), select("label.project", options("allProjects", known), "project"), select("kind", options("allKinds", KINDS, "kind"), "kind"),
      select("state", options("allStates", STATES, "state"), "state"), select("status", options("openSuggestions", STATUSES, "status"), "status")));
  show(main, head(t("decisions"), t("suggestionHint")), form, status, list, end);
  // Rules read many turns: that takes a moment.
  show(list, [0, 1, 2].map(() => h("li", { class: "card ghostly", "aria-hidden": "true" }, h("i"), h("i"), h("i"))));
  await load();
}
