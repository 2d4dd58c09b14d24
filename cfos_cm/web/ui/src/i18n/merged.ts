import type { Messages } from "./index";

/** One file per area becomes one list: `save` of `common.json` is what `t("common.save")` reads. */
export function merged(files: Record<string, Messages>): Record<string, string> {
  const found: Record<string, string> = {};
  const add = (texts: Messages, before: string): void => {
    for (const [key, text] of Object.entries(texts)) {
      if (typeof text === "string") found[before + key] = text;
      else add(text, `${before}${key}.`);
    }
  };
  for (const [file, texts] of Object.entries(files)) {
    add(texts, file.replace(/^.*\/(.*)\.json$/, "$1."));
  }
  return found;
}
