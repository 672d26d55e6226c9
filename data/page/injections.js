// What was put into sessions: when, at which moment, why, and whether the reply used it.

import { h, head, show } from "./dom.js";
import { get } from "./server.js";
import { ago, moment, number, t } from "./words.js";

const outcome = (used) => h("span", { class: used ? "chip on" : "chip" }, t(used === undefined ? "noReply" : used ? "used" : "notUsedYet"));

const row = (entry) => h("li", { class: "card" },
  h("div", { class: "row small" }, h("b", {}, t(`moment.${entry.moment}`)), h("time", { datetime: entry.ts, title: moment(entry.ts) }, ago(entry.ts)),
    h("span", {}, t("tokens", number(entry.tokens))), h("a", { href: `#/c?s=${encodeURIComponent(entry.session_id)}` }, t("session"))),
  h("ul", { class: "preview" }, entry.items.map((item) => h("li", {}, outcome(item.used), " ",
    item.ts ? h("a", { href: `#/c?m=${encodeURIComponent(item.id)}` }, item.begins) : item.begins, " ", h("span", { class: "small" }, t("pair", t("why"), item.why))))));

export async function open({ main, later }) {
  const { injections } = await get("injections", {}, later.signal);
  const items = injections.flatMap((entry) => entry.items);
  const used = items.filter((item) => item.used).length, unused = items.filter((item) => item.used === false).length;
  show(main, head(t("injections"), t("injectionsAbout")),
    h("p", { class: "small" }, items.length ? t("injectedSum", number(injections.length), number(items.length), number(used), number(unused)) : t("noInjections")),
    h("ul", { class: "cards" }, injections.map(row)));
}
