// Draws documents: blocks that the server made from Markdown, edits, commands and their output. Reads no syntax.

import { button, copy, h } from "./dom.js";
import { icon } from "./icons.js";
import { number, t } from "./words.js";

/** Edits of up to this many lines are open. */
const OPEN_EDIT = 24;
/** Lines of an output that are shown at first. */
const FIRST_LINES = 40;

/** Runs of text with their looks. */
export const inline = (spans) => (spans ?? []).map((span) => {
  let node = span.text;
  if (span.mark) node = h("mark", {}, node);
  if (span.code) node = h("code", {}, node);
  if (span.struck) node = h("s", {}, node);
  if (span.emphasis) node = h("em", {}, node);
  if (span.strong) node = h("strong", {}, node);
  return span.link ? h("a", { href: span.link, title: span.link, target: "_blank", rel: "noopener noreferrer nofollow" }, node) : node;
});

/** Runs as text. */
export const plain = (spans) => (spans ?? []).map((span) => span.text).join("");

const tokens = (line) => line.map(([kind, text]) => (kind ? h("span", { class: kind }, text) : text));
const lineText = (line) => line.map(([, text]) => text).join("");
const codeLines = (lines) => lines.flatMap((line, row) => (row ? ["\n", ...tokens(line)] : tokens(line)));
const copying = (text) => button([icon("copy", 14), t("copy")], "ghost tiny", () => copy(text, t("copied")));

export const stat = (added, removed) => h("span", { class: "stat" }, h("span", { class: "plus" }, `+${number(added)}`), " ", h("span", { class: "minus" }, `−${number(removed)}`));

function code({ language, lines }) {
  return h("figure", { class: "code" }, h("figcaption", {}, h("span", {}, language), copying(lines.map(lineText).join("\n"))),
    h("pre", { tabindex: "0" }, h("code", {}, codeLines(lines))));
}

function table({ columns, head, rows }) {
  const cell = (tag) => (spans, place) => h(tag, { class: columns[place] !== "left" && columns[place], scope: tag === "th" && "col" }, inline(spans));
  return h("div", { class: "table", tabindex: "0", role: "region", "aria-label": t("table") }, h("table", {}, h("thead", {}, h("tr", {}, head.map(cell("th")))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell("td")))))));
}

const listItem = ({ checked, blocks }) => {
  // An item of one paragraph needs none of its own.
  const body = blocks.map((entry, place) => (place === 0 && entry.type === "paragraph" ? h("div", {}, inline(entry.spans)) : block(entry)));
  return checked === undefined ? h("li", {}, h("div", { class: "doc" }, body))
    : h("li", { class: checked ? "task done" : "task" }, h("i", { class: "box", role: "img", "aria-label": t(checked ? "done" : "open") }), h("div", { class: "doc" }, body));
};

export const tasks = (items) => h("ul", { class: "tasks" }, items.map(({ state, text }) => h("li", { class: state }, h("i", { class: "box", role: "img", "aria-label": t(`task.${state}`) }), h("span", {}, text))));

const DIFF = { "+": "added", "-": "removed", "@": "gap" };

function diff({ path, lines, hidden }) {
  const numbered = lines.some((line) => line.old || line.new);
  const row = (line) => h("tr", { class: DIFF[line.sign] }, numbered && [h("td", { class: "no" }, line.old ?? ""), h("td", { class: "no" }, line.new ?? "")],
    h("td", { class: "sign" }, line.sign === "@" ? "⋯" : line.sign === "-" ? "−" : line.sign), h("td", { class: "line" }, tokens(line.tokens)));
  return h("div", { class: "diff", tabindex: "0", role: "region", "aria-label": t("changesOf", path) }, h("table", {}, h("tbody", {}, lines.map(row),
    hidden && h("tr", { class: "gap" }, numbered && [h("td"), h("td")], h("td"), h("td", { class: "line" }, t("moreLines", number(hidden)))))));
}

const patch = (edit) => [`--- ${edit.path}`, `+++ ${edit.path}`, ...edit.lines.map((line) => (line.sign === "@" ? "@@" : line.sign) + lineText(line.tokens))].join("\n");

/** A part of a turn that can be folded. What is closed is built when it is opened. */
export function folded(kind, summary, build, open) {
  const details = h("details", { class: `tool ${kind}`, open }, h("summary", {}, h("span", { class: "turnmark" }, icon("right", 14)), summary));
  const fillIn = () => details.open && details.childElementCount < 2 && details.append(h("div", { class: "inside" }, build()));
  fillIn();
  details.addEventListener("toggle", fillIn);
  return details;
}

const fileName = (path) => path.split(/[/\\]/).slice(-2).join("/");

export const edit = (entry, open = entry.lines.length <= OPEN_EDIT) => folded("edit", [icon("edit", 14), h("b", { class: "gist", title: entry.path }, fileName(entry.path)), stat(entry.added, entry.removed),
  entry.change !== "changed" && h("span", { class: "tag" }, t(`change.${entry.change}`))],
() => [diff(entry), h("p", { class: "acts" }, button([icon("copy", 14), t("copyPath")], "ghost tiny", () => copy(entry.path, t("copied"))), button([icon("copy", 14), t("copyPatch")], "ghost tiny", () => copy(patch(entry), t("copied"))))], open);

/** What a tool printed, its first lines at first. */
export function printed(entry, whole) {
  const lines = entry.text.split("\n"), first = lines.slice(0, FIRST_LINES).join("\n");
  const body = h("code", {}, lines.length > FIRST_LINES ? first : entry.text);
  const all = button(t("showAll", number(entry.lines)), "ghost tiny", () => {
    body.textContent = entry.hidden ? whole : entry.text;
    all.remove();
  });
  return [h("pre", { tabindex: "0" }, body), h("p", { class: "acts" }, (lines.length > FIRST_LINES || entry.hidden > 0) && all, copying(whole))];
}

export const outcome = (entry) => [entry.exit_code !== undefined && entry.exit_code !== 0 && h("span", { class: "tag bad" }, t("exitCode", entry.exit_code)),
  h("span", { class: "dim" }, entry.lines ? t("lines", number(entry.lines)) : t("noOutput"))];

/** A command, with what it printed if that is known. */
export function command(entry, output) {
  const text = entry.lines.map(lineText).join("\n");
  return folded("run", [icon("run", 14), h("code", { class: "gist" }, text.split("\n")[0] || text), output && outcome(output.block)],
    () => [(entry.lines.length > 1 || text.length > 90) && h("pre", { tabindex: "0" }, h("code", {}, codeLines(entry.lines))), entry.purpose && h("p", { class: "small acts" }, entry.purpose),
      output ? printed(output.block, output.text) : h("pre", { tabindex: "0" }, h("code", {}, codeLines(entry.lines)))], false);
}

export const image = (entry) => h("p", { class: "placeholder" }, icon("image"), entry.label ? t("pair", t("image"), entry.label) : t("image"));

function block(entry) {
  switch (entry.type) {
    case "paragraph": return h("p", {}, inline(entry.spans));
    // The view has the headings one and two.
    case "heading": return h(entry.level < 3 ? "h3" : "h4", { class: `h h${Math.min(entry.level, 3)}` }, inline(entry.spans));
    case "list": return h(entry.start === undefined ? "ul" : "ol", { class: "list", start: entry.start }, entry.items.map(listItem));
    case "table": return table(entry);
    case "quote": return h("blockquote", {}, doc(entry.blocks));
    case "rule": return h("hr");
    case "code": return code(entry);
    case "edit": return edit(entry);
    case "tasks": return tasks(entry.items);
    case "command": return command(entry);
    case "image": return image(entry);
    case "output": return h("pre", { tabindex: "0" }, h("code", {}, entry.text));
    default: return h("p", {}, entry.text ?? entry.subject ?? "");
  }
}

/** A document. */
export const doc = (blocks) => h("div", { class: "doc prose" }, (blocks ?? []).map(block));
