/** Labels, help and choices of the options in the page's language. */

import { t, te } from "@/i18n";
import type { OptionDoc } from "@/api/types";

function key(kind: string, rest: string): string {
  return `options.${kind.replace(/\W/g, "_")}.${rest}`;
}

/** The text of a key in this language or in English; otherwise what is given. */
function worded(name: string, otherwise: string): string {
  return te(name) || te(name, "en") ? t(name) : otherwise;
}

/** What a kind of section is called. */
export function kindWord(kind: string): string {
  return worded(key(kind, "_"), kind);
}

/** What an option is called. */
export function optionWord(kind: string, option: string): string {
  return worded(key(kind, `${option}.label`), option);
}

/** What an option is for; in English the manager's own words where there are no others. */
export function optionHelp(kind: string, option: OptionDoc): string {
  return worded(key(kind, `${option.name}.help`), option.doc);
}

/** Whose a certificate is, such as "the server's certificate", "[gateway a] certificate". */
export function whoseWord(what: string): string {
  const place = /^\[(.+?)\] (\w+)$/.exec(what);
  if (!place) return worded(`options.whose.${what.replace(/\W+/g, "_")}`, what);
  const [, heading = "", option = ""] = place;
  const [, kind = heading, name = ""] = /^(circuit|meter|evse|gateway|simulator) (.*)$/.exec(heading) ?? [];
  return `${[kindWord(kind), name].filter(Boolean).join(" ")}, ${optionWord(kind, option)}`;
}

/** What a choice of an option is called. */
export function choiceWord(kind: string, option: string, choice: string): string {
  return worded(key(kind, `${option}.choices.${choice}`), choice);
}
