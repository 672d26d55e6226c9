// What was saved on purpose; and forgetting, of anything.

import { choice, dialog, h, head, project, say, show } from "./dom.js";
import { doc } from "./documents.js";
import { decide, get, tool } from "./server.js";
import { ago, day, moment, number, t } from "./words.js";

/** The project of what belongs to none. */
const NOWHERE = "unknown";
const KINDS = ["decision", "fact", "preference", "instruction", "todo"];

/** Shows what would be deleted, asks, deletes, and shows the receipt. `request` is a preview with its code. */
async function confirm({ code, matched, preview, include_backups: included }, done) {
  const backups = h("input", { type: "checkbox", id: "backups", checked: Boolean(included) });
  const sure = await dialog(t("forgetHeading", number(matched)), h("div", {}, h("p", {}, t("forgetWhat")),
    h("ul", { class: "preview" }, preview.slice(0, 8).map((entry) => h("li", {}, h("time", { class: "small" }, moment(entry.ts)), " ", entry.first_words)),
      matched > 8 && h("li", { class: "small" }, t("andMore", number(matched - Math.min(preview.length, 8))))),
    h("label", { class: "row" }, backups, t("forgetBackups"))), [[t("cancel"), undefined], [t("forgetDo"), true, "danger"]]);
  if (!sure) return false;
  const { receipt } = await decide(`forget-requests/${code}`, { confirm: true, include_backups: backups.checked });
  await dialog(t("forgotten"), h("div", {}, h("p", {}, t("receipt", number(receipt.messages), number(receipt.parts), number(receipt.vectors))),
    receipt.verified && h("p", {}, t("verified")),
    receipt.remaining_hits.length > 0 && h("p", {}, t("remaining", receipt.remaining_hits.join(", "))),
    receipt.backups.length > 0 && h("p", { class: "small" }, t("inBackups", receipt.backups.map((path) => path.split("/").pop()).join(", "))),
    !receipt.complete && h("div", { class: "small" }, h("p", {}, t("incomplete")), h("ul", {}, receipt.incomplete.map((reason) => h("li", {}, reason))))), [[t("done"), true, "primary"]]);
  await done();
  return true;
}

/** Asks for a preview of what the person wants to forget, and goes on from there. `what` is an argument of `memory_forget`. */
export async function forget(what, done, fail) {
  try {
    const request = await tool("memory_forget", what);
    if (!request.code) return say(t("nothing"));
    if (!(await confirm(request, done))) await decide(`forget-requests/${request.code}`, { confirm: false });
  } catch (error) {
    fail(error);
  }
}

const kinds = (value) => choice(t("kind"), [...new Set(["note", ...KINDS, value ?? "note"])].map((name) => [name, t(`kind.${name}`)]), value ?? "note", { name: "kind" }, true);

export async function open({ main, later, fail }) {
  const list = h("ul", { class: "cards" }), end = h("div", { class: "row center" });
  const act = (work) => async (event) => {
    event?.preventDefault();
    try {
      await work(event);
    } catch (error) {
      if (error.status === 401) fail(error);
      else say(error.hint ? `${error.message} (${error.hint})` : error.message);
    }
  };

  function card(note) {
    const element = h("li", { class: "card" });
    const draw = () => show(element,
      h("div", { class: "row small" }, h("span", { class: "chip" }, t(`kind.${note.kind ?? "note"}`)), note.pinned && h("span", { class: "chip on" }, t("pinned")),
        note.waits && h("span", { class: "chip bad" }, t("wantsAtHand")), note.title && h("b", {}, note.title),
        note.project !== NOWHERE && project(note.project), h("time", { datetime: note.ts, title: moment(note.ts) }, ago(note.ts)),
        note.expires_at && h("span", {}, t("until", day(note.expires_at))), note.tags.map((tag) => h("span", { class: "chip" }, tag))),
      doc(note.blocks),
      h("div", { class: "row acts" },
        note.waits && h("button", { type: "button", class: "primary", onclick: act(async () => {
          await decide("consent", { ids: [note.id] });
          say(t("allowed"));
          await load();
        }) }, t("allow")),
        h("button", { type: "button", onclick: edit }, t("edit")),
        h("button", { type: "button", "aria-pressed": String(note.pinned), onclick: act(async () => {
          await tool("memory_update", { id: note.id, pin: !note.pinned });
          await load();
        }) }, t(note.pinned ? "unpin" : "pin")),
        h("button", { type: "button", class: "danger", onclick: () => forget({ ids: [note.id] }, load, fail) }, t("forget"))));
    const edit = () => {
      const area = h("textarea", { rows: Math.min(note.text.split("\n").length + 2, 16), "aria-label": t("memoryText"), required: true });
      area.value = note.text;
      const form = h("form", { onsubmit: act(async () => {
        const kind = form.elements.kind.value;
        const changes = { id: note.id, kind: kind === note.kind ? undefined : kind, text: area.value === note.text ? undefined : area.value };
        if (changes.kind || changes.text) await tool("memory_update", changes);
        await load();
      }) }, area, h("div", { class: "row" }, kinds(note.kind), h("button", { class: "primary" }, t("save")), h("button", { type: "button", onclick: draw }, t("cancel"))));
      show(element, form);
      area.focus();
    };
    draw();
    return element;
  }

  async function load(from = 0) {
    const { notes, more } = await get("notes", { from }, later.signal);
    if (from === 0) show(list, notes.map(card));
    else list.append(...notes.map(card));
    show(end, more && h("button", { type: "button", onclick: act(() => load(list.childElementCount)) }, t("more")),
      !list.childElementCount && h("p", { class: "empty" }, t("noMemories")));
  }

  /** What agents asked to delete and may not delete by themselves. */
  const asked = h("ul", { class: "cards" });
  async function loadRequests() {
    const { requests } = await get("forget-requests", {}, later.signal);
    show(asked, requests.map((request) => h("li", { class: "card review" },
      h("div", { class: "row small" }, h("b", {}, t("asksToForget", number(request.messages))), h("time", { datetime: request.ts, title: moment(request.ts) }, ago(request.ts))),
      h("ul", { class: "preview" }, request.preview.slice(0, 3).map((entry) => h("li", {}, h("time", { class: "small" }, moment(entry.ts)), " ", entry.first_words))),
      h("div", { class: "row acts" },
        h("button", { type: "button", onclick: act(async () => {
          await decide(`forget-requests/${request.code}`, { confirm: false });
          say(t("kept"));
          await loadRequests();
        }) }, t("discard")),
        h("button", { type: "button", class: "danger", onclick: act(() => confirm({ ...request, matched: request.messages }, async () => {
          await loadRequests();
          await load();
        })) }, t("forget"))))));
  }

  const known = (await tool("memory_projects", {}, later.signal)).projects.map((entry) => entry.name).filter((name) => name !== NOWHERE);
  const projects = [["", t("allProjects")], ...known.map((name) => [name, name])];
  const area = h("textarea", { id: "new", rows: 3, required: true });
  const form = h("form", { class: "card", onsubmit: act(async () => {
    await tool("memory_save", { text: area.value, kind: form.elements.kind.value, project: form.elements.project.value || undefined });
    area.value = "";
    say(t("saved"));
    await load();
  }) }, h("label", { for: "new" }, t("newMemory")), area, h("div", { class: "row" }, kinds(), choice(t("label.project"), projects, "", { name: "project" }, true), h("button", { class: "primary" }, t("save"))));
  show(main, head(t("memories"), t("memoriesAbout")), asked, form, list, end);
  await loadRequests();
  await load();
}
