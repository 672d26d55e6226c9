// Pictures of numbers. Each has its numbers in words too, for who does not see it.

import { h, svg } from "./dom.js";
import { day, number, t } from "./words.js";

/** A reading against its thresholds. */
export function gauge(reading) {
  const { value, unit, normal, warning, critical, level } = reading;
  const top = Math.max(critical * 1.15, (value ?? 0) * 1.05);
  const at = (part) => {
    const angle = Math.PI * (1 - Math.min(Math.max(part, 0), 1));
    return [60 + 46 * Math.cos(angle), 58 - 46 * Math.sin(angle)];
  };
  const arc = (from, to, kind) => {
    const [x1, y1] = at(from), [x2, y2] = at(to);
    return svg("path", { d: `M${x1.toFixed(1)} ${y1.toFixed(1)}A46 46 0 0 1 ${x2.toFixed(1)} ${y2.toFixed(1)}`, class: kind });
  };
  const known = value !== null && value !== undefined;
  const words = known ? `${number(Math.round(value * 10) / 10)} ${unit}` : t(reading.name === "response" ? "notUsed" : "unknown");
  return h("figure", { class: `gauge ${level}` },
    svg("svg", { viewBox: "0 0 120 64", role: "img", "aria-label": t("pair", t(reading.name), `${words} · ${t(level)}`) },
      arc(0, normal / top, "zone normal"), arc(normal / top, warning / top, "zone elevated"),
      arc(warning / top, critical / top, "zone warning"), arc(critical / top, 1, "zone critical"),
      known && (() => {
        const [x, y] = at(value / top);
        return svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 6, class: "needle" });
      })()),
    h("figcaption", {}, h("b", {}, t(reading.name)), h("span", { class: "number" }, words),
      h("span", { class: "small" }, `< ${number(normal)} · ${number(warning)} · ${number(critical)} ${unit}`)));
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
export function heat(days, today, choose) {
  const counts = new Map(days.map((entry) => [entry.day, entry]));
  const steps = [...counts.values()].map((entry) => entry.messages).sort((left, right) => left - right);
  const step = (part) => steps[Math.floor((steps.length - 1) * part)] ?? 1;
  const level = (count) => (!count ? 0 : count <= step(0.25) ? 1 : count <= step(0.5) ? 2 : count <= step(0.8) ? 3 : 4);
  const end = new Date(`${today}T00:00:00Z`);
  const first = new Date(end);
  first.setUTCDate(end.getUTCDate() - 52 * 7 - ((end.getUTCDay() + 6) % 7));
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
      svg("svg", { viewBox: "0 0 689 106", role: "img", "aria-label": t("pair", t("activity"), t("messages", number(all))) }, months, squares)),
    h("p", { class: "small row end" }, t("less"), [0, 1, 2, 3, 4].map((kind) =>
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
