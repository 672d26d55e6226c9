// A session to be read: its frame, search within it, its outline, and what arrives while it goes on.

import { button, copy, h, project, say, show } from "./dom.js";
import { stat } from "./documents.js";
import { icon } from "./icons.js";
import { forget } from "./memories.js";
import { get } from "./server.js";
import { count, draw } from "./turns.js";
import { clock, date, number, t } from "./words.js";

/** Messages that the server returns at once. */
const CHUNK = 100;
/** A session is open if its last message is newer than this; then news is asked for, and for so long without any. */
const OPEN_FOR = 30 * 60000, EVERY = 4000, PATIENCE = 30 * 60000;
/** Below the sticky title. */
const TOP = 130;

const markdown = (messages) => messages.map((message) => `**${message.role}** · ${message.ts}\n\n${message.parts
  .filter((part) => ["text", "summary", "note"].includes(part.kind)).map((part) => part.text).join("\n\n")}`).filter((text) => text.split("\n").length > 2).join("\n\n---\n\n");

export async function open({ main, parameters, later, fail }) {
  const { signal } = later;
  const wanted = parameters.get("m") ?? undefined, session = parameters.get("s") ?? undefined;
  let query = parameters.get("q") ?? "", terms = parameters.get("w") ?? "";
  const asked = () => ({ q: query, w: terms });
  const first = await get("conversation", wanted ? { message: wanted, ...asked() } : { session, from: parameters.get("from") ?? 0, ...asked() }, signal);
  let conversation = first.conversations[0];
  let messages = conversation.messages;
  if (parameters.get("end") && !wanted && conversation.total > messages.length) {
    conversation = (await get("conversation", { session: conversation.session_id, from: Math.max(conversation.total - CHUNK, 0) }, signal)).conversations[0];
    ({ messages } = conversation);
  }
  document.title = `${conversation.title} · claude-memory`;
  const list = h("div", { class: "turns" }), before = h("div", { class: "row center" }), behind = h("div", { class: "row center" });
  const outline = h("ol", {}), live = h("div", { class: "livebar" }), facts = h("p", { class: "dim row" });
  const places = h("span", { class: "dim", role: "status" });
  const field = h("input", { id: "within", type: "search", value: query, placeholder: t("within"), "aria-label": t("within"), autocomplete: "off", spellcheck: "false", oninput: () => soon() });
  const link = (id) => `${location.origin}/#/c?m=${id}`;
  let hit = -1;

  const turnsWithMarks = () => [...list.querySelectorAll(".turn")].filter((turn) => turn.querySelector("mark"));
  function describe() {
    const found = turnsWithMarks();
    show(places, query ? (found.length ? (hit < 0 ? t("matches", number(found.length)) : t("matchOf", number(hit + 1), number(found.length))) : t("noMatch")) : "");
    previous.disabled = next.disabled = found.length === 0;
  }
  function step(by) {
    const found = turnsWithMarks();
    if (!found.length) return false;
    hit = (hit + by + found.length) % found.length;
    const turn = found[hit];
    list.querySelectorAll("mark.now").forEach((mark) => mark.classList.remove("now"));
    turn.querySelector("mark").classList.add("now");
    turn.scrollIntoView({ block: "start" });
    turn.focus({ preventScroll: true });
    describe();
    return true;
  }
  const previous = button(icon("up"), "icon", () => step(-1), { "aria-label": t("previousMatch"), title: "p" });
  const next = button(icon("down"), "icon", () => step(1), { "aria-label": t("nextMatch"), title: "n" });

  function redraw() {
    const { entries, added, removed, prompts } = draw(messages, { wanted, link, total: conversation.total });
    show(list, entries);
    const start = messages[0]?.position ?? 0, end = (messages.at(-1)?.position ?? -1) + 1;
    show(before, start > 0 && button(t("earlier"), "", () => load(Math.max(start - CHUNK, 0), start)));
    show(behind, end < conversation.total && button(t("later"), "", () => load(end)));
    show(outline, prompts.map(({ message, text }) => h("li", {}, h("a", { href: `/#/c?m=${message.id}`, "data-turn": `m-${message.id}`, onclick: (event) => {
      event.preventDefault();
      document.getElementById(`m-${message.id}`)?.scrollIntoView({ block: "start" });
      document.getElementById(`m-${message.id}`)?.focus({ preventScroll: true });
    } }, h("time", { class: "dim", datetime: message.ts }, clock(message.ts)), h("span", { class: "text" }, text), count(messages, message) > 0 && h("span", { class: "marks" }, t("matches", number(count(messages, message))))))));
    const span = messages.length ? `${date(messages[0].ts)}, ${clock(messages[0].ts)}–${clock(messages.at(-1).ts)}` : "";
    show(facts, project(conversation.project), h("span", {}, span), h("span", {}, t("messages", number(conversation.total))), conversation.source !== "claude-code" && h("span", { class: "tag" }, conversation.source), added + removed > 0 && stat(added, removed));
    follow();
    describe();
  }
  async function load(from, until) {
    try {
      const more = (await get("conversation", { session: conversation.session_id, from, ...asked() }, signal)).conversations[0].messages;
      const anchor = messages[0]?.id, known = new Set(messages.map((message) => message.id));
      const fresh = more.filter((message) => !known.has(message.id) && (until === undefined || message.position < until));
      if (!fresh.length) return say(t("nothingHere"));
      const place = scrollY;
      messages = until === undefined ? [...messages, ...fresh] : [...fresh, ...messages];
      redraw();
      if (until === undefined) scrollTo(0, place);
      else document.getElementById(`m-${anchor}`)?.scrollIntoView();
    } catch (error) {
      fail(error);
    }
  }

  /** Marks other words: the same messages are asked for again. */
  let typed;
  function soon() {
    clearTimeout(typed);
    typed = setTimeout(async () => {
      query = field.value.trim();
      terms = "";
      const from = messages[0]?.position ?? 0, until = messages.length;
      try {
        const again = [];
        while (again.length < until) {
          const page = (await get("conversation", { session: conversation.session_id, from: from + again.length, ...asked() }, signal)).conversations[0]?.messages ?? [];
          if (!page.length) break;
          again.push(...page);
        }
        if (query !== field.value.trim()) return;
        messages = again.slice(0, until);
        hit = -1;
        redraw();
      } catch (error) {
        fail(error);
      }
    }, 200);
  }

  /** Says which prompt is being read. */
  let reading = false;
  function follow() {
    reading = false;
    const prompts = [...outline.querySelectorAll("a")];
    let here = 0;
    prompts.forEach((entry, place) => {
      const turn = document.getElementById(entry.dataset.turn);
      if (turn && turn.getBoundingClientRect().top <= TOP + 20) here = place;
    });
    prompts.forEach((entry, place) => entry.parentElement.classList.toggle("here", place === here));
  }
  addEventListener("scroll", () => {
    if (reading) return;
    reading = true;
    requestAnimationFrame(follow);
  }, { signal, passive: true });

  const all = (open) => list.querySelectorAll("details").forEach((details) => { details.open = open; });
  let opened = false;
  const toggle = button([icon("list"), t("expandAll")], "", () => {
    opened = !opened;
    all(opened);
    show(toggle, icon("list"), t(opened ? "collapseAll" : "expandAll"));
  });
  const resume = () => copy(`claude --resume ${conversation.session_id}`, t("copied"));
  const isClaude = conversation.source === "claude-code";
  const menu = h("details", { class: "menu" }, h("summary", { class: "btn ghost icon", "aria-label": t("more") }, icon("more")), h("div", {}, toggle,
    button([icon("copy"), t("copyAll")], "", () => copy(markdown(messages), t("copied"))),
    button([icon("link"), t("link")], "", () => copy(`${location.origin}/#/c?s=${conversation.session_id}`, t("copied"))),
    button([icon("copy"), t("copyId")], "", () => copy(conversation.session_id, t("copied"))),
    isClaude && button([icon("play"), t("resume")], "", resume),
    button([icon("warn"), t("forget")], "danger", () => forget({ session_id: conversation.session_id }, () => { location.hash = "#/search"; }, fail))));
  show(main, h("div", { class: "reader" }, h("nav", { class: "outline", "aria-label": t("prompts") }, h("h2", {}, t("prompts")), outline),
    h("div", {}, h("div", { class: "sticky" }, h("div", { class: "title" }, button(icon("left"), "ghost icon", () => history.back(), { "aria-label": t("back"), title: "Esc" }),
      h("div", { class: "names" }, h("h1", {}, conversation.title || conversation.session_id), facts), menu),
    h("div", { class: "within", role: "search" }, field, places, previous, next)),
    before, list, behind, h("p", { class: "endnote dim" }, t("endOfSession"), isClaude && button([icon("play", 14), t("resume")], "ghost tiny", resume)), live)));
  redraw();
  const target = wanted && document.getElementById(`m-${wanted}`);
  if (target) {
    const found = turnsWithMarks();
    hit = found.findIndex((turn) => turn === target || target.contains(turn));
    target.querySelector("mark")?.classList.add("now");
    target.scrollIntoView({ block: "start" });
    target.focus({ preventScroll: true });
    describe();
  } else scrollTo(0, parameters.get("end") ? document.body.scrollHeight : 0);
  watch();

  /** Asks for what is new while the agent works; nothing moves under the reader. */
  function watch() {
    let last = Date.now(), fresh = [];
    const isOpen = () => Date.now() - Date.parse(messages.at(-1)?.ts ?? 0) < OPEN_FOR;
    const look = async () => {
      if (signal.aborted || Date.now() - last > PATIENCE) return show(live);
      const end = (messages.at(-1)?.position ?? -1) + 1;
      if (!document.hidden && end >= conversation.total) {
        const answer = await get("conversation", { session: conversation.session_id, from: end, ...asked() }, signal).catch(() => null);
        const more = answer?.conversations[0]?.messages.filter((message) => message.position >= end) ?? [];
        if (more.length > fresh.length) {
          last = Date.now();
          fresh = more;
          show(live, button([h("span", { class: "pulse" }), t("newMessages", number(fresh.length))], "primary live", () => {
            const from = fresh[0].id;
            messages = [...messages, ...fresh];
            conversation.total = Math.max(conversation.total, (messages.at(-1)?.position ?? 0) + 1);
            fresh = [];
            show(live);
            redraw();
            document.getElementById(`m-${from}`)?.scrollIntoView({ block: "start" });
          }));
        }
      }
      timer = setTimeout(look, EVERY);
    };
    let timer = isOpen() ? setTimeout(look, EVERY) : 0;
    signal.addEventListener("abort", () => clearTimeout(timer));
  }

  const move = (by) => {
    const turns = [...list.querySelectorAll(".turn")];
    const at = turns.findIndex((element) => element === document.activeElement);
    const turn = turns[Math.min(Math.max(at + by, 0), turns.length - 1)];
    turn?.scrollIntoView({ block: "start" });
    turn?.focus({ preventScroll: true });
    return true;
  };
  return {
    j: () => move(1),
    k: () => move(-1),
    n: (_, typing) => !typing && step(1),
    p: (_, typing) => !typing && step(-1),
    Enter: (event, typing) => typing && event.target === field && step(event.shiftKey ? -1 : 1),
    "/": (_, typing) => {
      if (typing) return false;
      field.select();
      return true;
    },
    c: () => {
      const id = document.activeElement?.closest?.(".turn")?.id?.replace(/^m-/, "");
      const message = messages.find((entry) => entry.id === id);
      if (message) copy(message.parts.map((part) => part.text).join("\n\n"), t("copied"));
      return Boolean(message);
    },
  };
}

