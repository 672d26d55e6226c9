// Projects and days.

import { bars, heat } from "./charts.js";
import { choice, h, show } from "./dom.js";
import { get, tool } from "./server.js";
import { clock, day, number, t } from "./words.js";

/** Sessions as rows that lead to them. */
export const rows = (sessions) => sessions.map((session) => h("li", {}, h("a", { class: "hit", href: `#/c?s=${session.session_id}` },
  h("span", { class: "title" }, session.title || session.session_id),
  h("span", { class: "small row" }, h("span", {}, session.project), h("time", { datetime: session.started_at }, `${day(session.started_at)} ${clock(session.started_at)}`),
    h("span", {}, t("messages", number(session.messages))), session.git_branch && h("code", {}, session.git_branch)),
  session.files.length > 0 && h("span", { class: "small gist" }, t("pair", t("files"), session.files.slice(0, 4).map((file) => file.split("/").pop()).join(", ") + (session.files_total > 4 ? " …" : ""))))));

export async function open({ main, parameters, later, fail }) {
  const { signal } = later;
  const project = parameters.get("p") ?? "", date = parameters.get("d") ?? "";
  const [{ days, projects, today }, known] = await Promise.all([get("activity", { days: 371 }, signal), tool("memory_projects", {}, signal)]);
  const list = h("div"), end = h("div", { class: "row center" });
  const address = (changes) => {
    const asked = Object.entries({ p: project, d: date, ...changes }).filter(([, value]) => value);
    return `#/timeline?${new URLSearchParams(asked)}`;
  };
  show(main, h("h1", {}, t("timeline")),
    h("section", { class: "card" }, h("h2", {}, t("activity")), heat(days, today, (name) => { location.hash = address({ d: name }); })),
    projects.length > 1 && h("section", { class: "card" }, h("h2", {}, t("byProject")),
      bars(projects.map((entry) => [entry.project, entry.messages, address({ p: entry.project })]))),
    h("section", {}, h("div", { class: "row between" }, h("h2", {}, date ? t("onDay", day(`${date}T12:00:00Z`)) : t("conversations")),
      choice(t("project"), [["", t("allProjects")], ...known.projects.map((entry) => [entry.name, entry.name])], project,
        { onchange: (event) => { location.hash = address({ p: event.target.value }); } }),
      date && h("a", { href: address({ d: "" }) }, t("allDays"))), list, end));

  let shown = "";
  async function page(cursor) {
    try {
      const next = date && new Date(Date.parse(`${date}T00:00:00Z`) + 86400000).toISOString();
      const answer = await tool("memory_timeline", { limit: 30, project: project || undefined, cursor,
        after: date ? `${date}T00:00:00Z` : undefined, before: next || undefined }, signal);
      for (const session of answer.sessions) {
        if (session.day !== shown) {
          shown = session.day;
          list.append(h("h3", { class: "day" }, day(`${session.day}T12:00:00Z`)), h("ol", { class: "hits" }));
        }
        list.lastElementChild.append(...rows([session]));
      }
      show(end, answer.next_cursor && h("button", { type: "button", onclick: () => page(answer.next_cursor) }, t("more")),
        !list.childElementCount && h("p", {}, t("nothing")));
    } catch (error) {
      fail(error);
    }
  }
  await page();
}
