// Every text that the page shows, in English and Chinese, by ComfyUI's choice of language.

const TEXTS = {
  show: ["▶ Show this VCU", "▶ 查看此 VCU"],
  showTip: [
    "Run this node and what is before it, and nothing else: no sampling.",
    "只运行此节点及其之前的节点，不运行其他，也不采样。",
  ],
};

const LANGUAGES = ["en", "zh"];

/** The language of the page: that of ComfyUI, English where there are no texts of it. */
function language() {
  const chosen = String(globalThis.app?.extensionManager?.setting?.get("Comfy.Locale") ?? "en");
  return Math.max(LANGUAGES.indexOf(chosen.split("-")[0]), 0);
}

/** A text by its name; {words} in it are replaced by what is given. */
export function say(name, given = {}) {
  const texts = TEXTS[name];
  if (!texts) throw new Error(`no text ${name}`);
  return texts[language()].replace(/\{(\w+)\}/g, (whole, word) => (word in given ? given[word] : whole));
}
