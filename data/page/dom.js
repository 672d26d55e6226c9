// Builds elements. Nothing that was once said becomes markup: texts are text nodes, always.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element with attributes, listeners (`onclick`) and children. */
export const h = (tag, properties = {}, ...children) => fill(document.createElement(tag), properties, children);

/** The same for SVG. */
export const svg = (tag, properties = {}, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** A choice with a label. `options` are pairs of value and text. */
export const choice = (label, options, value, properties = {}, shown = false) => h("label", { class: shown ? "filter shown" : "filter" }, h("span", {}, label),
  h("select", properties, options.map(([name, text]) => h("option", { value: name, selected: name === value }, text))));

/** A button; `kind` are its classes. */
export const button = (label, kind, onclick, properties = {}) => h("button", { type: "button", class: kind, onclick, ...properties }, label);

/** Puts children in the place of all others. */
export const show = (element, ...children) => {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  return element;
};

/** A project: its colour by its name, and its name. */
export function project(name, href) {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  return h(href ? "a" : "span", { class: `project p${hash % 8}`, title: name, href }, h("i"), h("span", {}, name));
}

/** The heading of a view, what it is about, and what stands beside it. */
export const head = (title, about, ...beside) => h("div", { class: "head" }, h("div", {}, h("h1", {}, title), about && h("p", { class: "sub" }, about)), beside.length > 0 && h("div", { class: "row" }, beside));

/** Says something for a moment, also to screen readers. */
let timer;
export function say(text) {
  const note = document.getElementById("note");
  note.textContent = text;
  note.classList.add("on");
  clearTimeout(timer);
  timer = setTimeout(() => note.classList.remove("on"), 3500);
}

export async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission: by a selection.
    const area = h("textarea", { class: "away", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(done);
}

/** A dialog with a heading; resolves with what the pressed button stands for, or undefined. */
export function dialog(heading, body, buttons) {
  return new Promise((resolve) => {
    const end = (value) => {
      box.close();
      box.remove();
      resolve(value);
    };
    const box = h("dialog", { "aria-labelledby": "dialog-heading", oncancel: () => end(undefined) },
      h("h2", { id: "dialog-heading" }, heading), body,
      h("div", { class: "row end" }, buttons.map(([label, value, kind]) =>
        h("button", { type: "button", class: kind ?? "", onclick: () => end(value) }, label))));
    document.body.append(box);
    box.showModal();
  });
}
