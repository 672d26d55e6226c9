// Pictures of numbers. Each has its numbers in words too, for who does not see it.

import { h, svg } from "./dom.js";
import { day, number, t } from "./words.js";

/** A reading against its thresholds. */
export function gauge(reading) {
  const { value, unit, normal, warning, critical, level } = reading;
  const top = Math.max(critical * 1.15, (value ?? 0) * 1.05) || 1;
  const at = (amount) => Math.min(Math.max((amount / top) * 200, 0), 200);
  const known = value !== null && value !== undefined;
  const words = known ? `${number(Math.round(value * 10) / 10)} ${unit}` : t(reading.name === "response" ? "notUsed" : "unknown");
  const zone = (from, to, kind) => svg("rect", { x: at(from), y: 2, width: Math.max(at(to) - at(from), 0), height: 8, class: kind });
  const tick = (amount, kind) => svg("rect", { x: at(amount) - 0.5, y: 0, width: 1, height: 12, class: kind });
  return h("figure", { class: `gauge ${level}` },
    h("figcaption", {}, h("b", {}, t(reading.name)), h("span", { class: "number" }, words)),
    svg("svg", { viewBox: "0 0 200 12", preserveAspectRatio: "none", role: "img", "aria-label": t("pair", t(reading.name), `${words} · ${t(level)}`) },
      zone(0, warning, "zone"), zone(warning, critical, "zone warning"), zone(critical, top, "zone critical"),
      known && svg("rect", { x: 0, y: 4, width: Math.max(at(value), 1.5), height: 4, rx: 1, class: "needle" }), tick(warning, "tick"), tick(critical, "tick critical")),
    h("span", { class: "dim" }, t("limits", `${number(warning)} ${unit}`, `${number(critical)} ${unit}`)));
}

/** Occurrences in each of the last weeks. */
export function spark(weeks) {
  const top = Math.max(...weeks, 1);
  return svg("svg", { viewBox: `0 0 ${weeks.length * 6} 14`, class: "spark", role: "img", "aria-label": t("overWeeks", weeks.length) },
    weeks.map((count, place) => svg("rect", { x: place * 6, width: 4, y: count ? 14 - Math.max((count / top) * 14, 3) : 13, height: count ? Math.max((count / top) * 14, 3) : 1, class: count ? "" : "zero" })));
}

/** Values over days as a line. */
export function line(series) {
  const values = series.points.map(([, value]) => value);
  // One day is a level line.
  if (values.length === 1) values.push(values[0]);
  const top = Math.max(...values, 1), width = 320, height = 90;
  const x = (place) => (values.length < 2 ? width / 2 : (place / (values.length - 1)) * width);
  const y = (value) => height - (value / top) * (height - 8);
  const points = values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const last = values[values.length - 1];
  const title = t(series.title);
  return h("figure", { class: "line" },
    h("figcaption", {}, h("b", {}, title), h("span", { class: "number" }, number(Math.round(last * 10) / 10))),
    svg("svg", { viewBox: `0 0 ${width} ${height + 2}`, role: "img", preserveAspectRatio: "none",
      "aria-label": t("pair", title, `${series.points[0][0]} ${number(values[0])} · ${series.points.at(-1)[0]} ${number(last)}`) },
      svg("polygon", { points: `${x(0)},${height} ${points} ${x(values.length - 1)},${height}`, class: "area" }),
      svg("polyline", { points, class: "stroke" })),
    h("div", { class: "row between small" }, h("span", {}, series.points[0][0]), h("span", {}, series.points.at(-1)[0])));
}

/** Messages of each day as a square, weeks as columns; `choose` is told the day. */
export function heat(days, today, choose, weeks = 53) {
  const counts = new Map(days.map((entry) => [entry.day, entry]));
  const steps = [...counts.values()].map((entry) => entry.messages).sort((left, right) => left - right);
  const step = (part) => steps[Math.floor((steps.length - 1) * part)] ?? 1;
  const level = (count) => (!count ? 0 : count <= step(0.25) ? 1 : count <= step(0.5) ? 2 : count <= step(0.8) ? 3 : 4);
  const end = new Date(`${today}T00:00:00Z`);
  const first = new Date(end);
  first.setUTCDate(end.getUTCDate() - (weeks - 1) * 7 - ((end.getUTCDay() + 6) % 7));
  const squares = [], months = [];
  let month = -1;
  for (let date = new Date(first), place = 0; date <= end; date.setUTCDate(date.getUTCDate() + 1), place += 1) {
    const name = date.toISOString().slice(0, 10), entry = counts.get(name);
    const week = Math.floor(place / 7);
    if (date.getUTCMonth() !== month && date.getUTCDate() <= 7) {
      month = date.getUTCMonth();
      months.push(svg("text", { x: week * 13, y: 9 }, date.toLocaleDateString(document.documentElement.lang, { month: "short", timeZone: "UTC" })));
    }
    squares.push(svg("rect", { x: week * 13, y: 14 + (place % 7) * 13, width: 11, height: 11, rx: 2.5, class: `heat-${level(entry?.messages)}`,
      "data-day": entry ? name : undefined, onclick: entry && (() => choose(name)) },
      svg("title", {}, t("pair", day(`${name}T12:00:00Z`), t("messages", number(entry?.messages ?? 0))))));
  }
  const all = days.reduce((sum, entry) => sum + entry.messages, 0);
  return h("div", { class: "heat" },
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("activity") },
      svg("svg", { viewBox: `0 0 ${weeks * 13} 106`, role: "img", "aria-label": t("pair", t("activity"), t("messages", number(all))) }, months, squares)),
    h("p", { class: "legend" }, t("less"), [0, 1, 2, 3, 4].map((kind) =>
      svg("svg", { viewBox: "0 0 11 11", class: "swatch", "aria-hidden": "true" }, svg("rect", { width: 11, height: 11, rx: 2.5, class: `heat-${kind}` }))), t("moreWord")));
}

/** Shares as bars. */
export function bars(entries) {
  const top = Math.max(...entries.map(([, value]) => value), 1);
  return h("table", { class: "bars" }, h("tbody", {}, entries.map(([name, value, href]) => h("tr", {},
    h("th", { scope: "row" }, href ? h("a", { href }, name) : name),
    h("td", {}, svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { width: Math.max((value / top) * 100, 1), height: 10, class: "bar" }))),
    h("td", { class: "number" }, number(value))))));
}
