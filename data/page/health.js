// Whether all is well, in words for a person; gauges, charts and alerts for who operates it, on a tab of their own.

import { gauge, line } from "./charts.js";
import { button, copy, h, head, show } from "./dom.js";
import { icon } from "./icons.js";
import { get } from "./server.js";
import { ago, moment, number, t } from "./words.js";

const EVERY = 10000;
// Seconds, as the rule ClaudeMemoryIngestLag has it.
const BEHIND = 3600;
// What is busy or full because of others is their affair until it keeps the memory from working.
const OF_OTHERS = new Set(["cpu", "memory"]);

const alert = (entry) => h("li", { class: `alert ${entry.severity}` }, h("span", { class: `tag ${entry.severity === "critical" ? "bad" : "warn"}` }, t(entry.severity)), " ", h("b", {}, entry.alertname), " ",
  h("span", {}, entry.summary), " ", h("time", { class: "small", datetime: entry.received_at, title: moment(entry.received_at) }, ago(entry.received_at)));

/** What is to be done, most urgent first: a sentence and how. */
function work(state) {
  const todo = state.health.checks.filter((check) => !check.ok && check.name !== "alerts").map((check) => ({ what: `${check.name}: ${check.finding}`, fix: check.fix }));
  for (const reading of state.thresholds) {
    if (["warning", "critical"].includes(reading.level) && !OF_OTHERS.has(reading.name)) {
      todo.unshift({ what: t(`full.${reading.name}`, `${number(Math.round(reading.value * 10) / 10)} ${reading.unit}`), fix: t(`fix.${reading.name}`) });
    }
  }
  if (state.health.ingest_lag_seconds >= BEHIND) todo.push({ what: t("importBehind", ago(new Date(Date.now() - state.health.ingest_lag_seconds * 1000).toISOString())), fix: "claude-memory import" });
  for (const target of state.targets.filter((entry) => !entry.up)) todo.push({ what: t("targetDown", target.name), fix: target.trouble });
  return todo;
}

const check = (ok, name, ...finding) => h("li", { class: ok ? "ok" : "bad" }, icon(ok ? "check" : "warn"), h("b", {}, name), h("span", {}, finding));

function forPerson(state) {
  const { health } = state, todo = work(state);
  const busy = state.thresholds.filter((reading) => OF_OTHERS.has(reading.name) && ["warning", "critical"].includes(reading.level));
  const fix = (entry) => entry.fix && (!entry.fix.startsWith("claude-memory ") ? h("p", { class: "dim" }, entry.fix) : h("p", {}, h("code", {}, entry.fix), " ", button([icon("copy", 14), t("copy")], "ghost tiny", () => copy(entry.fix, t("copied")))));
  return [h("section", { class: `bigstate ${todo.length ? "attention" : "well"}` }, h("span", { class: "orb" }, icon(todo.length ? "warn" : "check", 28)),
    h("div", { class: "verdict-words", role: "status" }, h("h2", { class: "big" }, todo.length ? t("worksWithWork", number(todo.length)) : t("fine")),
      h("p", { class: "sub" }, todo.length ? todo[0].what : t("fineAbout", number(health.sessions), number(health.messages)))),
    todo.length > 0 && h("div", { class: "todo" }, todo.map((entry, place) => [place > 0 && h("p", {}, entry.what), fix(entry)]))),
  h("section", { class: "card checks" }, h("h2", { class: "away" }, t("checks")), h("ul", {},
    check(health.ingest_lag_seconds < BEHIND, t("saving"), health.newest ? t("lastSaved", ago(health.newest)) : t("noHistory"), t("stop"), t("transcripts", number(health.transcripts_read), number(health.transcripts_on_disk))),
    check(health.pending === 0, t("search"), health.pending ? t("notEmbedded", number(health.pending)) : t("allEmbedded", number(health.messages))),
    state.targets.map((target) => check(target.up, target.name, t(target.up ? "up" : "down"), ", ", t("waiting", number(target.waiting_messages + target.waiting_vectors)))),
    health.checks.map((entry) => check(entry.ok, entry.name, entry.finding, !entry.ok && entry.fix && h("span", { class: "dim" }, ` ${entry.fix}`))))),
  busy.map((reading) => h("p", { class: "dim endnote" }, t("busyOthers", t(reading.name), `${number(Math.round(reading.value))} ${reading.unit}`))),
  h("p", { class: "dim endnote" }, `claude-memory ${health.version}`, h("a", { class: "btn tiny", href: "#/settings" }, icon("settings", 14), t("settings")))];
}

function forOperator(state) {
  const open = new Map(state.open_alerts.map((entry) => [entry.fingerprint + entry.alertname, entry]));
  return [h("section", { class: "card" }, h("h2", {}, t("readings")), h("div", { class: "gauges" }, state.thresholds.map(gauge))),
    h("section", { class: "card" }, h("h2", {}, t("openAlerts"), open.size > 0 && h("span", { class: "count" }, number(open.size))), open.size ? h("ul", { class: "alerts" }, [...open.values()].map(alert)) : h("p", { class: "dim" }, t("noAlerts"))),
    h("section", { class: "card" }, h("h2", {}, t("growth")), h("div", { class: "lines" }, state.charts.map(line)),
      h("h3", {}, t("forecast")), h("ul", { class: "alerts" }, state.forecast.map((entry) => h("li", {}, h("b", {}, entry.threshold), " ",
        entry.days === null ? t("never") : entry.days === 0 ? t("now") : t("inDays", number(entry.days)))))),
    h("section", { class: "card" }, h("h2", {}, t("pastAlerts")), state.past_alerts.length ? h("ul", { class: "alerts" }, state.past_alerts.map(alert)) : h("p", { class: "dim" }, t("noAlerts")))];
}

export async function open({ main, parameters, later, fail }) {
  let waiting;
  later.signal.addEventListener("abort", () => clearTimeout(waiting));
  const operator = parameters.get("tab") === "operator";
  const tab = (name, text) => h("a", { href: `#/health${name ? `?tab=${name}` : ""}`, "aria-current": (name === "operator") === operator ? "page" : undefined }, t(text));
  const body = h("div");
  show(main, head(t("health"), null, h("nav", { class: "seg", "aria-label": t("health") }, tab("", "forYou"), tab("operator", "forOperators"))), body);
  async function draw() {
    const state = await get("state", {}, later.signal);
    show(body, operator ? forOperator(state) : forPerson(state));
    waiting = setTimeout(() => draw().catch(fail), EVERY);
  }
  await draw();
}
