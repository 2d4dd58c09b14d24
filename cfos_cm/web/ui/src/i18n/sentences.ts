/**
 * The manager speaks English. What it says is found again among its own sentences and said in
 * the page's language; what is not found is shown as it came.
 */

import { i18n, t, te, writtenAs } from "./index";
import { TEMPLATES } from "./templates";

interface Pattern {
  name: string;
  re: RegExp;
  slots: string[];
}

/** Of what was found once no more than this is kept. */
const MOST_KEPT = 800;

const PLACES = /^place/;
/** Values that somebody has given his own name. */
const NAMES = ["evse", "by", "name", "circuit", "meter", "what", "tag"];
let patterns: Pattern[] | null = null;
const kept = new Map<string, Said>();
let keptIn = "";

function compiled(name: string, text: string): Pattern {
  const slots: string[] = [];
  const body = text
    .split(/(\{\w+\})/)
    .map((part) => {
      if (!part.startsWith("{")) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      const slot = part.slice(1, -1);
      slots.push(slot);
      return shapeOf(slot);
    })
    .join("");
  return { name, re: new RegExp(`^${body}$`), slots };
}

function shapeOf(slot: string): string {
  if (/^a\d?$/.test(slot)) return "(-?[\\d.]+ k?[AW])";
  if (slot === "n") return "([\\d.]+)";
  return /^(p|d|why|fault|kept)$/.test(slot) ? "(.+?)" : "([^;]+?)";
}

function found(text: string): { name: string; values: Record<string, string> } | null {
  patterns ??= Object.entries(TEMPLATES).map(([name, template]) => compiled(name, template));
  for (const { name, re, slots } of patterns) {
    const hit = re.exec(text);
    if (hit) return { name, values: valued(slots, hit) };
  }
  return null;
}

function valued(slots: string[], hit: RegExpExecArray): Record<string, string> {
  return Object.fromEntries(slots.map((slot, i) => [slot, said(slot, hit[i + 1] ?? "")]));
}

function said(slot: string, value: string): string {
  if (/^a\d?$/.test(slot)) return amount(value);
  if (slot === "kept") return value.split(", ").map(keptFor).join(", ");
  if (slot === "p" || slot === "d") return phrase(value);
  if (slot === "by" && value === "operator") return worded("byOperator", value);
  return value;
}

/** "6 A for bay-1", "6 A for bay-3 and 2 more". */
function keptFor(text: string): string {
  const [, a, evse, n] = /^(.*?) for (.*?)(?: and (\d+) more)?$/.exec(text) ?? [];
  if (!a || !evse) return text;
  const one = worded("keptFor", amount(`${a} for ${evse}`), { a: amount(a), evse });
  return n ? one + worded("keptMore", ` and ${n} more`, { n }) : one;
}

/** "4.3 A" with the language's decimal sign and a space that does not break. */
function amount(text: string): string {
  const decimal = (1.5).toLocaleString(writtenAs())[1] ?? ".";
  return text.replace(/(\d)\.(\d)/g, `$1${decimal}$2`).replace(/(\d) (k?[AW])/g, "$1\u00a0$2");
}

function worded(name: string, text: string, values: Record<string, string> = {}): string {
  const key = `sentences.${name}`;
  return te(key) ? t(key, values) : text;
}

/** A part of a sentence. */
function phrase(text: string): string {
  const one = found(text);
  return one ? worded(one.name, text, one.values) : text;
}

/** A sentence as it follows something, and as it begins a line. */
interface Said {
  clause: string;
  sentence: string;
}

function whole(text: string): Said {
  const one = found(text);
  // Orders are answered by several sentences in one.
  if (!one) return begun(text.includes("; ") ? text.split("; ").map(phrase).join("; ") : text);
  // A reason that only names what binds means that it has nothing left.
  const name = PLACES.test(one.name) ? `${one.name}Full` : one.name;
  const told = worded(name, text, one.values);
  const isName = NAMES.some((slot) => one.values[slot] && told.startsWith(one.values[slot]));
  return isName ? { clause: told, sentence: told } : begun(told);
}

/** A word with a number or a hyphen in it is a name, and written as its owner has written it. */
function begun(told: string): Said {
  const isName = /^\S*[\d_-]/.test(told);
  return { clause: told, sentence: isName ? told : told.charAt(0).toUpperCase() + told.slice(1) };
}

function translated(text: string): Said {
  const locale = i18n.global.locale.value;
  if (keptIn !== locale || kept.size > MOST_KEPT) kept.clear();
  keptIn = locale;
  let told = kept.get(text);
  if (!told) kept.set(text, (told = whole(text)));
  return told;
}

/** A sentence of the manager in the page's language, as it begins a line. */
export function sentence(text: string): string {
  return translated(text).sentence;
}

/** As L{sentence}, to follow something: "7 A: phase L2 of garage is full". */
export function clause(text: string): string {
  return translated(text).clause;
}
