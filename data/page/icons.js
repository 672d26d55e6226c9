// Icons as line drawings, sixteen by sixteen.

import { svg } from "./dom.js";

const PATHS = {
  today: "M2.5 7 8 2.5 13.5 7v6.5h-4v-4h-3v4h-4z",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5l3 3",
  timeline: "M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 2v3M10.5 2v3",
  memories: "M4 2.5h8v11l-4-3-4 3z",
  decisions: "M8 2 3 4v4c0 3 2 5 5 6 3-1 5-3 5-6V4zM5.8 8l1.6 1.6 3-3.2",
  injections: "M2 8h8M7 5l3 3-3 3M13.5 3v10",
  health: "M1.5 8.5h3l2-5 3 9 2-4h3",
  settings: "M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 3v3M6 10v3",
  filter: "M2.5 4.5h11M4.5 8h7M6.5 11.5h3",
  right: "M6 3.5 10.5 8 6 12.5",
  left: "M10 3.5 5.5 8 10 12.5",
  up: "M3.5 10 8 5.5 12.5 10",
  down: "M3.5 6 8 10.5 12.5 6",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  link: "M6.5 9.5l3-3M7.5 4.5l1-1a2.8 2.8 0 0 1 4 4l-1 1M8.5 11.5l-1 1a2.8 2.8 0 0 1-4-4l1-1",
  edit: "M10.5 3 13 5.5 6 12.5l-3 .5.5-3z",
  run: "M2.5 4.5 6 8l-3.5 3.5M8 12h5.5",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  list: "M5.5 4.5h8M5.5 8h8M5.5 11.5h8M2.5 4.5h.01M2.5 8h.01M2.5 11.5h.01",
  thought: "M8 2.5a4.5 4.5 0 0 1 2.5 8.2V12h-5v-1.3A4.5 4.5 0 0 1 8 2.5M6.5 14h3",
  image: "M2.5 3.5h11v9h-11zM2.5 11l3.5-3.5 3 3 2-2 2.5 2.5M10.5 6.5h.01",
  check: "M3 8.5 6.5 12 13 4.5",
  warn: "M8 2.5 14.5 13.5h-13zM8 6.5v3M8 11.5h.01",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3l2 1.5",
  play: "M5 3.5 12 8l-7 4.5z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7",
  moon: "M12.5 9.5A5 5 0 0 1 6.5 3.5a5 5 0 1 0 6 6",
  keys: "M1.5 4.5h13v7h-13zM4 7h.01M6.5 7h.01M9 7h.01M11.5 7h.01M5 9.5h6",
};

/** The icon of that name. It is decoration: what it means stands beside it, or is the name of its button. */
export const icon = (name, size = 16) => svg("svg", { viewBox: "0 0 16 16", width: size, height: size, class: "i", fill: "none", stroke: "currentColor",
  "stroke-width": "1.5", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
