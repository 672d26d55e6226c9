// Projects and days.

import { bars, heat } from "./charts.js";
import { button, choice, h, head, project as projectName, show } from "./dom.js";
import { get, tool } from "./server.js";
import { clock, day, number, t } from "./words.js";

/** Sessions as rows that lead to them. */
export const rows = (sessions) => sessions.map((session) => h("li", {}, h("a", { class: "hit", href: `#/c?s=${encodeURIComponent(session.session_id)}` },
  projectName(session.project), h("span", { class: "name title", title: session.files.length ? t("pair", t("files"), session.files.map((file) => file.split("/").pop()).join(", ")) : undefined }, session.title || session.session_id),
  h("span", { class: "dim number" }, t("messages", number(session.messages))), h("time", { class: "dim", datetime: session.started_at }, clock(session.started_at)))));

export async function open({ main, parameters, later, fail }) {
  const { signal } = later;
  const project = parameters.get("p") ?? "", date = parameters.get("d") ?? "";
  const [{ days, projects, today }, known] = await Promise.all([get("activity", { days: 371 }, signal), tool("memory_projects", {}, signal)]);
  const list = h("div", { class: "days" }), end = h("div", { class: "row center" });
  const address = (changes) => {
    const asked = Object.entries({ p: project, d: date, ...changes }).filter(([, value]) => value);
    return `#/timeline?${new URLSearchParams(asked)}`;
  };
  show(main, head(t("timeline"), date ? t("onDay", day(`${date}T12:00:00Z`)) : null,
    h("div", { class: "filters row" }, choice(t("label.project"), [["", t("allProjects")], ...known.projects.map((entry) => [entry.name, entry.name])], project,
      { class: project && "on", onchange: (event) => { location.hash = address({ p: event.target.value }); } }), date && h("a", { class: "btn tiny", href: address({ d: "" }) }, t("allDays")))),
  !date && h("section", { class: "card" }, h("h2", {}, t("activity")), heat(days, today, (name) => { location.hash = address({ d: name }); })),
  !date && !project && projects.length > 1 && h("section", { class: "card" }, h("h2", {}, t("byProject")),
    bars(projects.map((entry) => [entry.project, entry.messages, address({ p: entry.project })]))),
  list, end);

  let shown = "";
  async function page(cursor) {
    try {
      const next = date && new Date(Date.parse(`${date}T00:00:00Z`) + 86400000).toISOString();
      const answer = await tool("memory_timeline", { limit: 30, project: project || undefined, cursor,
        after: date ? `${date}T00:00:00Z` : undefined, before: next || undefined }, signal);
      for (const session of answer.sessions) {
        if (session.day !== shown) {
          shown = session.day;
          list.append(h("h2", { class: "day row center" }, day(`${session.day}T12:00:00Z`)), h("ol", { class: "rows hits flat" }));
        }
        list.lastElementChild.append(...rows([session]));
      }
      show(end, answer.next_cursor && button(t("more"), "", () => page(answer.next_cursor)),
        !list.childElementCount && h("p", { class: "dim" }, t("nothingHere")));
    } catch (error) {
      fail(error);
    }
  }
  await page();
}
