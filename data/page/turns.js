// The turns of a session: who said what, with the tools between them. Calls stand with what they printed; steps that only
// look are one line.

import { button, copy, h } from "./dom.js";
import { command, doc, edit, folded, image, outcome, plain, printed, tasks } from "./documents.js";
import { icon } from "./icons.js";
import { clock, day, moment, number, t } from "./words.js";

const PROSE = new Set(["text", "note", "summary"]);

/** The first line of a document that says something. */
const firstLine = (blocks) => {
  for (const block of blocks ?? []) {
    const text = block.spans ? plain(block.spans) : block.blocks ? firstLine(block.blocks) : block.items ? firstLine(block.items[0]?.blocks) : block.text ?? "";
    if (text.trim()) return text.trim().split("\n")[0];
  }
  return "";
};

const isPrompt = (message) => message.role === "user" && message.parts.some((part) => part.kind === "text" && part.text.trim());

/** How many words are marked between a prompt and the next. */
export function count(messages, prompt) {
  let marks = 0, inside = false;
  for (const message of messages) {
    if (message.id === prompt.id) inside = true;
    else if (isPrompt(message)) inside = false;
    if (inside) marks += message.marks ?? 0;
  }
  return marks;
}

/** Entries in their order: prose of one message, calls with their outputs, what the client wrote. */
function entries(messages) {
  const made = [], waiting = [];
  for (const message of messages) {
    let prose = null;
    for (const part of message.parts) {
      if (PROSE.has(part.kind)) {
        if (prose) prose.parts.push(part);
        else made.push(prose = { kind: "prose", message, parts: [part] });
        continue;
      }
      prose = null;
      if (part.kind === "tool_use") {
        const entry = { kind: "call", message, part };
        made.push(entry);
        waiting.push(entry);
      } else if (part.kind === "tool_result") {
        const place = waiting.findIndex((entry) => entry.part.tool === part.tool);
        const output = { block: part.blocks[0], text: part.text, part, message };
        if (place >= 0 && !waiting[place].output) {
          waiting[place].output = output;
          waiting[place].also = message.id;
          waiting.splice(place, 1);
        } else made.push({ kind: "output", message, part, output });
      } else made.push({ kind: part.kind, message, part });
    }
  }
  return made;
}

const warnings = (part) => [part.trust === "suspicious" && h("p", { class: "tag bad" }, t("suspicious")),
  part.trust === "elsewhere" && h("p", { class: "tag bad" }, part.said_by ? t("saidBy", part.said_by) : t("elsewhere"))];

function prose({ message, parts }, link) {
  const summary = parts.some((part) => part.kind === "summary");
  const text = () => parts.map((part) => part.text).join("\n\n");
  return h("article", { class: `turn ${summary ? "summary" : message.role}` },
    h("header", {}, h("span", { class: `who ${message.role}` }, summary ? t("summary") : t(message.role === "tool" ? "toolRole" : message.role)),
      h("time", { class: "dim", datetime: message.ts, title: message.origin ? `${moment(message.ts)} · ${message.origin}` : moment(message.ts) }, clock(message.ts)),
      h("span", { class: "acts" }, button(icon("copy", 14), "ghost tiny", () => copy(text(), t("copied")), { "aria-label": t("copy"), title: t("copy") }),
        button(icon("link", 14), "ghost tiny", () => copy(link(message.id), t("copied")), { "aria-label": t("link"), title: t("link") }))),
    parts.map((part) => [warnings(part), doc(part.blocks)]));
}

const lookup = (entry) => {
  const { subject, kind } = entry.part.blocks[0];
  return h("li", {}, folded("step", [h("b", {}, t(`look.${kind}`)), h("span", { class: "gist", title: subject }, subject), entry.output && outcome(entry.output.block)],
    () => (entry.output ? printed(entry.output.block, entry.output.text) : h("pre", { tabindex: "0" }, h("code", {}, entry.part.text))), false));
};

/** "Searched once, read 2 files". */
function stepsTitle(calls) {
  const counts = new Map();
  for (const entry of calls) counts.set(entry.part.blocks[0].kind, (counts.get(entry.part.blocks[0].kind) ?? 0) + 1);
  const said = [...counts].map(([kind, many]) => t(`steps.${kind}`, number(many))).join(t("comma"));
  return said.charAt(0).toUpperCase() + said.slice(1);
}

const steps = (calls) => h("article", { class: "turn" }, h("details", { class: "steps" }, h("summary", {}, h("span", { class: "turnmark" }, icon("right", 14)), h("span", {}, stepsTitle(calls)),
  h("time", { class: "dim", datetime: calls[0].message.ts }, clock(calls[0].message.ts))), h("ul", {}, calls.map(lookup))));

/** A call that is no step: its edits, tasks, command or arguments, and what it printed. */
function call(entry, isLast) {
  const { part, output } = entry;
  const drawn = part.blocks.map((block) => {
    if (block.type === "edit") return edit(block);
    if (block.type === "command") return command(block, output);
    if (block.type === "tasks") {
      const done = block.items.filter((item) => item.state === "done").length;
      return folded("tasklist", [icon("list", 14), h("b", {}, t("todos")), h("span", { class: "dim" }, `${done} / ${block.items.length}`)], () => tasks(block.items), isLast);
    }
    return folded("call", [h("b", {}, part.tool ?? t("toolRole")), h("span", { class: "gist", title: block.subject }, block.subject === part.tool ? "" : block.subject), output && outcome(output.block)],
      () => [h("pre", { tabindex: "0" }, h("code", {}, block.text)), output && printed(output.block, output.text)], false);
  });
  // Of an edit only what went wrong is worth reading.
  const failed = part.blocks.every((block) => block.type === "edit") && output && /error|fail|错误|失败/i.test(output.block.text.slice(0, 200));
  return h("article", { class: "turn" }, drawn, failed && folded("call", [h("b", {}, t("output")), outcome(output.block)], () => printed(output.block, output.text), false));
}

function quiet({ kind, message, part, output }) {
  if (kind === "output") {
    return h("article", { class: "turn" }, part.blocks[0].type === "image" ? image(part.blocks[0]) : folded("run", [h("b", {}, part.tool ?? t("output")), outcome(output.block)], () => printed(output.block, output.text), false));
  }
  if (kind === "thinking") return h("article", { class: "turn" }, folded("thinking", [icon("thought", 14), h("b", {}, t("thinking")), h("span", { class: "gist" }, firstLine(part.blocks))], () => h("div", { class: "aside" }, doc(part.blocks)), false));
  if (part.blocks[0]?.type === "image") return h("article", { class: "turn" }, image(part.blocks[0]));
  const lines = part.text.trim().split("\n");
  return h("article", { class: "turn aside" }, h("b", {}, t(kind === "earlier" ? "earlierVersion" : "client")), lines.length > 1 || part.text.length > 120
    ? h("details", {}, h("summary", {}, lines[0]), h("pre", { tabindex: "0" }, h("code", {}, part.text))) : h("span", {}, part.text), h("time", { class: "dim", datetime: message.ts }, clock(message.ts)));
}

/** All turns as elements, with what the frame says of them: prompts, lines added and removed. */
export function draw(messages, { wanted, link }) {
  const made = entries(messages), elements = [];
  const isLook = (entry) => entry?.kind === "call" && entry.part.blocks[0]?.type === "lookup";
  const lists = made.filter((entry) => entry.kind === "call" && entry.part.blocks[0]?.type === "tasks");
  let date = "", added = 0, removed = 0;
  const taken = new Set();
  // Of the entries of the wanted message the one with marks is meant, else the first.
  const marked = (entry) => entry.kind === "prose" && entry.message.id === wanted && JSON.stringify(entry.parts).includes('"mark":true');
  const meant = wanted && (made.find(marked) ?? made.find((entry) => entry.message.id === wanted || entry.also === wanted));
  for (let place = 0; place < made.length; place += 1) {
    const entry = made[place], today = day(entry.message.ts);
    if (today !== date) elements.push(h("p", { class: "day" }, today));
    date = today;
    let element, covered = [entry];
    if (isLook(entry)) {
      while (isLook(made[place + 1])) covered.push(made[place += 1]);
      element = steps(covered);
    } else if (entry.kind === "prose") element = prose(entry, link);
    else if (entry.kind === "call") element = call(entry, entry === lists.at(-1));
    else element = quiet(entry);
    element.tabIndex = -1;
    for (const block of covered.flatMap((one) => (one.kind === "call" ? one.part.blocks : []))) {
      added += block.added ?? 0;
      removed += block.removed ?? 0;
    }
    const ids = [...new Set(covered.flatMap((one) => [one.message.id, one.also]))].filter((id) => id && !taken.has(id) && (id !== wanted || covered.includes(meant)));
    ids.forEach((id) => taken.add(id));
    // The wanted one names the whole entry.
    ids.sort((left, right) => (right === wanted) - (left === wanted));
    if (ids.length) {
      element.id = `m-${ids[0]}`;
      ids.slice(1).forEach((id) => element.prepend(h("span", { id: `m-${id}`, class: "away" })));
    }
    if (wanted && ids.includes(wanted)) {
      element.classList.add("wanted");
      // A message that was found among folded ones is opened for it.
      element.querySelectorAll("details").forEach((details) => { details.open = true; });
    }
    elements.push(element);
  }
  const prompts = messages.filter(isPrompt).map((message) => ({ message, text: firstLine(message.parts.find((part) => part.kind === "text").blocks) }));
  return { entries: elements, added, removed, prompts };
}
