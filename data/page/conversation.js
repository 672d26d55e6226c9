// A conversation to be read.

import { copy, h, say, show } from "./dom.js";
import { forget } from "./memories.js";
import { get } from "./server.js";
import { code, marked, pattern, said } from "./text.js";
import { clock, day, moment, number, t } from "./words.js";

const CLOSED = new Set(["thinking", "tool_use", "tool_result", "meta"]);

/** The first line that says something. */
const first = (text) => text.split("\n").find((line) => line.trim()) ?? "";

/** What a tool was asked, in a line: the argument that says most. */
function gist(part) {
  try {
    const asked = JSON.parse(part.text);
    const telling = asked.command ?? asked.file_path ?? asked.path ?? asked.pattern ?? asked.query ?? asked.url ?? asked.description ?? asked.prompt;
    if (typeof telling === "string") return first(telling);
  } catch {
    // Not JSON: a line for each argument.
  }
  return first(part.text).replace(/^(?:command|file_path|path|pattern|query|url|description|prompt): /, "");
}

function shown(part, words) {
  if (!CLOSED.has(part.kind)) {
    return [part.trust === "suspicious" && h("p", { class: "chip bad" }, t("suspicious")),
      part.trust === "elsewhere" && h("p", { class: "chip bad" }, part.said_by ? t("saidBy", part.said_by) : t("elsewhere")),
      part.kind === "summary" && h("p", { class: "chip" }, t("summary")), said(part.text, words)];
  }
  const names = { thinking: t("thinking"), tool_use: part.tool ?? "tool", tool_result: t("output"), meta: t("meta") };
  const lines = part.text.split("\n").length;
  const found = words !== null && part.text.search(words) >= 0;
  const details = h("details", { class: `part ${part.kind}`, open: found && part.kind !== "meta" },
    h("summary", {}, h("b", {}, names[part.kind]), " ", h("span", { class: "gist" }, marked(gist(part).slice(0, 160), words)),
      lines > 1 && h("span", { class: "small" }, t("lines", number(lines)))));
  // What is closed is built when it is opened.
  const build = () => details.childElementCount < 2 && details.append(part.kind === "thinking" ? h("div", {}, said(part.text, words)) : code(part.text, part.tool ?? "", words));
  if (details.open) build();
  details.addEventListener("toggle", build);
  return details;
}

const markdown = (messages) => messages.map((message) => `**${message.role}** · ${message.ts}\n\n${message.parts
  .filter((part) => !CLOSED.has(part.kind)).map((part) => part.text).join("\n\n")}`).filter((text) => text.split("\n").length > 2).join("\n\n---\n\n");

export async function open({ main, parameters, later, fail }) {
  const wanted = parameters.get("m") ?? undefined, session = parameters.get("s") ?? undefined;
  const words = pattern((parameters.get("w") ?? "").split(" "));
  const answer = await get("conversation", wanted ? { message: wanted } : { session, from: parameters.get("from") ?? 0 }, later.signal);
  const conversation = answer.conversations[0];
  let messages = conversation.messages;
  document.title = `${conversation.title} · claude-memory`;
  const list = h("div", { class: "turns" });
  const before = h("div", { class: "row center" }), behind = h("div", { class: "row center" });
  const link = (id) => `${location.origin}/#/c?m=${id}`;

  let date = "";
  const turn = (message) => {
    const today = day(message.ts);
    const heading = today !== date && h("h2", { class: "day" }, today);
    date = today;
    const quiet = message.parts.every((part) => CLOSED.has(part.kind));
    const mine = message.id === wanted;
    return [heading, h("article", { id: `m-${message.id}`, class: `turn ${message.role}${quiet ? " quiet" : ""}${mine ? " wanted" : ""}`, tabindex: "-1" },
      h("header", { class: "row small" }, h("span", { class: `who ${message.role}` }, t(message.role === "tool" ? "toolRole" : message.role)),
        h("time", { datetime: message.ts, title: message.origin ? `${moment(message.ts)} · ${message.origin}` : moment(message.ts) }, clock(message.ts)),
        h("span", { class: "acts" },
          h("button", { type: "button", class: "small", onclick: () => copy(message.parts.map((part) => part.text).join("\n\n"), t("copied")) }, t("copy")),
          h("button", { type: "button", class: "small", onclick: () => copy(link(message.id), t("copied")) }, t("link")))),
      message.parts.map((part) => shown(part, mine ? words : null)))];
  };
  const draw = () => {
    date = "";
    show(list, messages.map(turn));
    const start = messages[0]?.position ?? 0, end = (messages.at(-1)?.position ?? -1) + 1;
    show(before, start > 0 && h("button", { type: "button", onclick: () => load(Math.max(start - 100, 0), start) }, t("earlier")));
    show(behind, end < conversation.total && h("button", { type: "button", onclick: () => load(end) }, t("later")));
  };
  async function load(from, until) {
    try {
      const more = (await get("conversation", { session: conversation.session_id, from }, later.signal)).conversations[0].messages;
      const anchor = messages[0]?.id;
      const known = new Set(messages.map((message) => message.id));
      const fresh = more.filter((message) => !known.has(message.id) && (until === undefined || message.position < until));
      if (!fresh.length) return say(t("nothing"));
      messages = until === undefined ? [...messages, ...fresh] : [...fresh, ...messages];
      draw();
      if (until !== undefined) document.getElementById(`m-${anchor}`)?.scrollIntoView();
    } catch (error) {
      fail(error);
    }
  }
  const all = (open) => list.querySelectorAll("details.part").forEach((details) => { details.open = open; });
  let opened = false;
  const toggle = h("button", { type: "button", onclick: () => {
    opened = !opened;
    all(opened);
    toggle.textContent = t(opened ? "collapseAll" : "expandAll");
  } }, t("expandAll"));
  show(main, h("section", { class: "reading" },
    h("div", { class: "row acts" }, h("button", { type: "button", onclick: () => history.back() }, `← ${t("back")}`), toggle,
      h("button", { type: "button", onclick: () => copy(markdown(messages), t("copied")) }, t("copyAll")),
      h("button", { type: "button", onclick: () => copy(`${location.origin}/#/c?s=${conversation.session_id}`, t("copied")) }, t("link")),
      conversation.source === "claude-code" && h("button", { type: "button", onclick: () => copy(`claude --resume ${conversation.session_id}`, t("copied")) }, t("resume")),
      h("button", { type: "button", class: "danger", onclick: () => forget({ session_id: conversation.session_id }, () => { location.hash = "#/search"; }, fail) }, t("forget"))),
    h("h1", {}, conversation.title || conversation.session_id),
    h("p", { class: "small row" }, h("span", {}, conversation.project), h("span", { class: "chip" }, conversation.source), h("span", {}, t("messages", number(conversation.total))), h("code", {}, conversation.session_id)),
    before, list, behind));
  draw();
  const hit = wanted && document.getElementById(`m-${wanted}`);
  if (hit) {
    hit.scrollIntoView({ block: "center" });
    hit.focus({ preventScroll: true });
  } else scrollTo(0, 0);

  const step = (by) => {
    const turns = [...list.querySelectorAll("article.turn")];
    const top = turns.findIndex((element) => element === document.activeElement);
    const at = turns[Math.min(Math.max((top < 0 ? 0 : top) + by, 0), turns.length - 1)];
    at?.scrollIntoView({ block: "nearest" });
    at?.focus({ preventScroll: true });
    return true;
  };
  return {
    j: () => step(1),
    k: () => step(-1),
    c: () => {
      const id = document.activeElement?.id?.replace(/^m-/, "");
      const message = messages.find((entry) => entry.id === id);
      if (message) copy(message.parts.map((part) => part.text).join("\n\n"), t("copied"));
      return Boolean(message);
    },
  };
}
