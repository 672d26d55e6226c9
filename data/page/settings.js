// The settings in force, to be read; and how this page looks.

import { choice, h, head, show } from "./dom.js";
import { get } from "./server.js";
import { choose, chooseTheme, chosenLanguage, t, theme } from "./words.js";

export async function open({ main, later, go }) {
  const { file, settings } = await get("settings", {}, later.signal);
  const pick = (label, options, value, changed) => choice(t(label), options, value, { onchange: (event) => { changed(event.target.value); go(); } }, true);
  show(main, head(t("settings")),
    h("section", { class: "card" }, h("h2", {}, t("appearance")), h("div", { class: "row" },
      pick("language", [["auto", t("auto")], ["en", "English"], ["zh", "中文"]], chosenLanguage(), choose),
      pick("theme", [["auto", t("auto")], ["light", t("light")], ["dark", t("dark")]], theme(), chooseTheme))),
    h("section", { class: "card" }, h("p", { class: "small" }, t("settingsHint")), h("p", {}, h("code", {}, file)),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("settings") }, h("table", { class: "settings" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("setting")), h("th", { scope: "col" }, t("value")), h("th", { scope: "col" }, t("origin")))),
        h("tbody", {}, settings.map((entry) => h("tr", { class: entry.origin === "default" ? "" : "changed" },
          h("th", { scope: "row" }, h("code", {}, entry.key)), h("td", {}, h("code", {}, JSON.stringify(entry.value))), h("td", { class: "small" }, entry.origin))))))));
}
