// Today: where the work stopped, what is open, what keeps going wrong.

import { heat, spark } from "./charts.js";
import { button, copy, h, head, project, show } from "./dom.js";
import { inline, tasks } from "./documents.js";
import { icon } from "./icons.js";
import { get } from "./server.js";
import { ago, ageOf, longDay, number, t } from "./words.js";

const DAY = 86400000;
const STATE = { completed: "done", in_progress: "doing" };

export const sessionRow = ({ session }) => h("li", {}, h("a", { class: "hit", href: `#/c?s=${encodeURIComponent(session.session_id)}` }, h("span", { class: "name title" }, session.title || session.session_id),
  h("span", { class: "dim number" }, t("messages", number(session.messages))), h("time", { class: "dim", datetime: session.ended_at }, ageOf(session.ended_at))));

const said = (who, spans) => spans?.length > 0 && h("p", {}, h("span", { class: `who ${who}` }, t(who)), h("span", { class: "clamp" }, inline(spans)));

function stopped({ session, asked, said: last, steps, source }) {
  const done = steps.filter((step) => step.status === "completed").length;
  return h("section", { class: "card stopped" }, h("p", { class: "eyebrow" }, t("stopped")),
    h("p", { class: "row" }, project(session.project), h("time", { class: "dim", datetime: session.ended_at }, ago(session.ended_at)), session.git_branch && h("code", { class: "dim" }, session.git_branch)),
    h("h2", {}, h("a", { class: "hit", href: `#/c?s=${encodeURIComponent(session.session_id)}&end=1` }, session.title || session.session_id)),
    h("div", { class: "exchange" }, said("user", asked), said("assistant", last)),
    steps.length > 0 && h("p", { class: "todo-bar" }, h("progress", { value: done, max: steps.length, "aria-label": t("stepsDone", done, steps.length) }), h("span", { class: "dim" }, t("stepsDone", done, steps.length))),
    h("p", { class: "acts" }, source === "claude-code" && button([icon("play", 14), t("resume")], "primary", () => copy(`claude --resume ${session.session_id}`, t("copied"))),
      h("a", { class: "btn", href: `#/c?s=${encodeURIComponent(session.session_id)}&end=1` }, t("read"))));
}

/** Entries by project, in the order of their first. */
function grouped(entries) {
  const groups = new Map();
  for (const entry of entries) groups.set(entry.session.project, [...(groups.get(entry.session.project) ?? []), entry]);
  return [...groups];
}

const openSteps = (entry) => entry.steps.filter((step) => step.status !== "completed");

function todos(sessions) {
  const open = sessions.filter((entry) => openSteps(entry).length > 0).slice(0, 6);
  const count = open.reduce((sum, entry) => sum + openSteps(entry).length, 0);
  return h("section", { class: "card" }, h("h2", {}, t("openTodos"), count > 0 && h("span", { class: "count" }, number(count))),
    open.length ? open.map((entry) => h("div", { class: "group" }, h("h3", {}, h("a", { href: `#/c?s=${encodeURIComponent(entry.session.session_id)}&end=1` }, project(entry.session.project)), h("span", { class: "dim" }, ageOf(entry.session.ended_at))),
      tasks(openSteps(entry).slice(0, 6).map((step) => ({ state: STATE[step.status] ?? "open", text: step.text })))))
      : h("p", { class: "dim" }, t("noTodos")));
}

const errorList = (errors) => (errors.length ? h("ul", { class: "errors" }, errors.map((error) => h("li", {}, h("a", { href: `#/search?q=${encodeURIComponent(error.query.slice(0, 200))}` }, h("code", {}, inline(error.text)),
  h("span", { class: "row small" }, h("b", {}, t("times", number(error.times))), spark(error.weeks), project(error.project), h("time", { datetime: error.ts }, ageOf(error.ts)))))))
  : h("p", { class: "dim" }, t("noErrors")));

export async function open({ main, later }) {
  const [answer, activity] = await Promise.all([get("today", {}, later.signal), get("activity", { days: 212 }, later.signal)]);
  const { sessions, now } = answer;
  if (!sessions.length) {
    show(main, head(longDay(now)), h("section", { class: "empty" }, icon("search", 32), h("h2", {}, t("noHistory")), h("p", { class: "sub" }, t("noHistoryHint")), h("pre", {}, h("code", {}, "claude-memory import"))));
    return {};
  }
  const count = (days) => activity.days.filter((entry) => Date.parse(`${activity.today}T00:00:00Z`) - Date.parse(`${entry.day}T00:00:00Z`) < days * DAY).reduce((sum, entry) => sum + entry.sessions, 0);
  const errors = h("div", { "aria-busy": "true" }, h("p", { class: "dim" }, "…"));
  show(main, head(longDay(now), t("todaySum", number(count(1)), number(count(7)), ago(sessions[0].session.ended_at))),
    h("div", { class: "columns" },
      h("div", {}, stopped(sessions[0]),
        h("section", { class: "card" }, h("h2", {}, t("recent"), h("a", { class: "more", href: "#/timeline" }, t("allSessions"))),
          grouped(sessions.slice(1)).map(([name, entries]) => h("div", { class: "group" }, h("h3", {}, project(name, `#/timeline?p=${encodeURIComponent(name)}`)), h("ul", { class: "rows" }, entries.map(sessionRow)))))),
      h("div", {}, todos(sessions), h("section", { class: "card" }, h("h2", {}, t("repeatedErrors")), errors),
        h("section", { class: "card" }, h("h2", {}, t("activity"), h("span", { class: "dim" }, t("weeks", 30))), heat(activity.days, activity.today, (day) => { location.hash = `#/timeline?d=${day}`; }, 30)))));
  // Looking for errors takes longer than the rest.
  get("errors", {}, later.signal).then((found) => {
    errors.removeAttribute("aria-busy");
    show(errors, errorList(found.errors));
  }, () => show(errors));
  return {};
}
