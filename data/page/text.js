// Shows what was said: code as code, the rest as it stands, with the words that were looked for marked.

import { copy, h } from "./dom.js";
import { t } from "./words.js";

/** A pattern of the words that were looked for; null for none. Latin ones are stems: the rest of the word belongs to them. */
export function pattern(terms) {
  const escaped = terms.filter(Boolean).sort((left, right) => right.length - left.length)
    .map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .map((term) => (/^[\w-]+$/.test(term) ? `(?<![\\p{L}\\p{N}])${term}[\\p{L}\\p{N}]*` : term));
  return escaped.length ? new RegExp(`(?:${escaped.join("|")})`, "giu") : null;
}

/** Text with marks. */
export function marked(text, words) {
  if (!words) return [text];
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(words)) {
    nodes.push(text.slice(at, found.index), h("mark", {}, found[0]));
    at = found.index + found[0].length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

/** `code`, **bold** and addresses inside a line of prose. */
function inline(text, words) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(/`([^`\n]+)`|\*\*([^*\n]+)\*\*|(https?:\/\/[^\s<>"'`)\]}，。、）]+)/g)) {
    nodes.push(...marked(text.slice(at, found.index), words));
    const [whole, code, bold, address] = found;
    if (code) nodes.push(h("code", {}, marked(code, words)));
    else if (bold) nodes.push(h("strong", {}, marked(bold, words)));
    else nodes.push(h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, marked(address, words)));
    at = found.index + whole.length;
  }
  nodes.push(...marked(text.slice(at), words));
  return nodes;
}

export function code(text, name, words) {
  return h("figure", { class: "code" },
    h("figcaption", {}, h("span", {}, name || ""),
      h("button", { type: "button", class: "small", onclick: () => copy(text, t("copied")) }, t("copy"))),
    h("pre", { tabindex: "0" }, h("code", {}, marked(text, words))));
}

/** A text as it was said. */
export function said(text, words) {
  const nodes = [];
  const pieces = text.split(/^[ \t]*(?:```|~~~)(.*)$/m);
  // Text, then what stands behind the fence, then code, then what stands behind its end, and so on.
  for (let place = 0; place < pieces.length; place += 2) {
    const piece = pieces[place].replace(/^\n+|\n+$/g, "");
    if (place % 4 === 2) nodes.push(code(piece, pieces[place - 1].trim(), words));
    else if (piece) nodes.push(h("div", { class: "prose" }, piece.split("\n").map((line, row, all) => {
      const heading = /^(#{1,4}) (.*)$/.exec(line);
      const end = row + 1 < all.length && !heading ? "\n" : "";
      return heading ? h("span", { class: "heading" }, inline(heading[2], words)) : [inline(line, words), end];
    })));
  }
  return nodes;
}
