import type { Messages } from "./index";

/** One file per area becomes one object: `settings.json` is what `t("settings.…")` reads. */
export function merged(files: Record<string, Messages>): Messages {
  return Object.fromEntries(
    Object.entries(files).map(([file, texts]) => [
      file.replace(/^.*\/(.*)\.json$/, "$1"),
      texts,
    ]),
  );
}
