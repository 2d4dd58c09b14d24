/** What an option takes, as the manager says it of a mistake, in the page's language. */

import { i18n, t } from "@/i18n";
import { sentence } from "@/i18n/sentences";

/** The manager's words, and the key of ours under `forms.allowed`. */
const WORDS: [RegExp, string, string[]][] = [
  [/a whole number from (-?\d+) to (-?\d+)/, "whole", ["least", "most"]],
  [
    /a number from ([\d.]+) to ([\d.]+)( A| s| kWh)?, written as 16 or 7\.5(?:, without the unit)?/,
    "number",
    ["least", "most", "unit"],
  ],
  [/a power from (\d+) to (\d+) W, written as .*kW/, "power", ["least", "most"]],
  [/; or three of them, for L1 L2 L3, with spaces between/, "three", []],
  [/(\d+) to (\d+) printable characters/, "text", ["least", "most"]],
  [/ws:\/\/HOST… or wss:\/\/HOST…, without user:password[@] and without #/, "url", []],
  [/the NAME of one of the \[(.+?) NAME\] sections/, "reference", ["kind"]],
  [/an IP address of this machine/, "address", []],
  [/one to three different ones of L1 L2 L3, with spaces between/, "phases", []],
  [/a file's path/, "file", []],
  [/; or empty/, "empty", []],
  [/ \(did you mean (.+?)\?\)/, "meant", ["word"]],
  [/^is missing; /, "missing", []],
  [/\bmust be /i, "must", []],
];

/** A mistake's words; those that are not known stay English. */
export function allowedWords(text: string): string {
  if (i18n.global.locale.value === "en") return sentence(text);
  let found = sentence(text);
  for (const [words, key, names] of WORDS) {
    found = found.replace(words, (...parts: unknown[]) => {
      const values = names.map((name, i) => [name, String(parts[i + 1] ?? "")]);
      return t(`forms.allowed.${key}`, Object.fromEntries(values) as Record<string, string>);
    });
  }
  return found.charAt(0).toUpperCase() + found.slice(1);
}
