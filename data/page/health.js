// How full, busy and slow it is; what is not as it should be; what was.

import { gauge, line } from "./charts.js";
import { h, show } from "./dom.js";
import { get } from "./server.js";
import { ago, moment, number, t } from "./words.js";

const EVERY = 10000;
// Seconds, as the rule ClaudeMemoryIngestLag has it.
const BEHIND = 3600;

const alert = (entry) => h("li", { class: `alert ${entry.severity}` }, h("span", { class: "chip" }, t(entry.severity)), h("b", {}, entry.alertname), " ",
  h("span", {}, entry.summary), " ", h("time", { class: "small", datetime: entry.received_at, title: moment(entry.received_at) }, ago(entry.received_at)));

export async function open({ main, later, fail }) {
  let waiting;
  later.signal.addEventListener("abort", () => clearTimeout(waiting));
  async function draw() {
    const state = await get("state", {}, later.signal);
    const { health } = state;
    const well = health.status === "ok" && ["normal", "elevated"].includes(state.level) && !state.open_alerts.length;
    const open = new Map(state.open_alerts.map((entry) => [entry.fingerprint + entry.alertname, entry]));
    show(main, h("h1", {}, t("health")),
      h("p", { class: `verdict ${well ? "well" : "bad"}`, role: "status" }, t(well ? "fine" : "notFine")),
      h("p", { class: "small row" }, h("span", {}, `claude-memory ${health.version}`), h("span", {}, t("messages", number(health.messages))), h("span", {}, t("sessionsOf", number(health.sessions)))),
      h("section", { class: "card" }, h("h2", {}, t("readings")), h("div", { class: "gauges" }, state.thresholds.map(gauge))),
      h("section", { class: "card" }, h("h2", {}, t("openAlerts")), open.size ? h("ul", { class: "alerts" }, [...open.values()].map(alert)) : h("p", {}, t("noAlerts"))),
      h("section", { class: "card" }, h("h2", {}, t("upToDate")), h("ul", { class: "checks" },
        h("li", { class: health.ingest_lag_seconds < BEHIND ? "ok" : "bad" }, h("b", {}, t("reading")), " ", t("transcripts", number(health.transcripts_read), number(health.transcripts_on_disk)),
          health.ingest_lag_seconds > 0 && [" · ", t("lag", number(health.ingest_lag_seconds))]),
        state.targets.map((target) =>
          h("li", { class: target.up ? "ok" : "bad" }, h("b", {}, target.name), " ", t(target.up ? "up" : "down"), " · ", t("waiting", number(target.waiting_messages + target.waiting_vectors)),
            target.lag_seconds > 0 && [" · ", t("lag", number(target.lag_seconds))], target.trouble && h("div", { class: "small" }, target.trouble))))),
      h("section", { class: "card" }, h("h2", {}, t("checks")), h("ul", { class: "checks" }, health.checks.map((check) =>
        h("li", { class: check.ok ? "ok" : "bad" }, h("b", {}, check.name), " ", check.finding, !check.ok && check.fix && h("div", { class: "small" }, check.fix))))),
      h("section", { class: "card" }, h("h2", {}, t("growth")), h("div", { class: "lines" }, state.charts.map(line)),
        h("h3", {}, t("forecast")), h("ul", { class: "checks" }, state.forecast.map((entry) => h("li", {}, h("b", {}, entry.threshold), " ",
          entry.days === null ? t("never") : entry.days === 0 ? t("now") : t("inDays", number(entry.days)))))),
      h("section", { class: "card" }, h("h2", {}, t("pastAlerts")), state.past_alerts.length ? h("ul", { class: "alerts" }, state.past_alerts.map(alert)) : h("p", {}, t("noAlerts"))));
    waiting = setTimeout(() => draw().catch(fail), EVERY);
  }
  await draw();
}
