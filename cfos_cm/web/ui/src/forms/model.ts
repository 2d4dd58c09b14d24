/**
 * The settings while they are edited: drafts of sections, what is to be changed by them, and
 * which mistake belongs to which field. Nothing here asks the manager.
 */

import type {
  KindDoc,
  Mistake,
  OptionDoc,
  OptionValue,
  Settings,
  SettingsChange,
  SettingsSection,
} from "@/api/types";

/** What stands for a secret that is set. */
export const HIDDEN = "***";

/** A section of the settings, and what was typed over it. */
export interface Draft {
  /** What the page calls it as long as it is open. */
  readonly id: number;
  kind: string;
  /** Its NAME; empty where there is one of the kind. */
  name: string;
  /** Its NAME in the file; null: it is not there yet. */
  writtenName: string | null;
  isRemoved: boolean;
  written: Record<string, string>;
  /** What was typed, by option; null: the default is wanted. */
  typed: Record<string, string | null>;
}

let lastId = 0;

/** The heading of a section: `evse bay-1`, or its kind alone. */
export function headingOf(kind: string, name: string): string {
  return name ? `${kind} ${name}` : kind;
}

/** The draft of a section that is in the file. */
export function draftOf(section: SettingsSection): Draft {
  return {
    id: ++lastId,
    kind: section.kind,
    name: section.name,
    writtenName: section.name,
    isRemoved: false,
    written: { ...section.options },
    typed: {},
  };
}

/** The draft of a section that is to be made. */
export function newDraft(kind: string, name: string, typed: Draft["typed"] = {}): Draft {
  return {
    id: ++lastId,
    kind,
    name,
    writtenName: null,
    isRemoved: false,
    written: {},
    typed: { ...typed },
  };
}

/** The text that an option has now; null: it has its default. */
export function textOf(draft: Draft, option: string): string | null {
  const typed = draft.typed[option];
  return typed !== undefined ? typed : (draft.written[option] ?? null);
}

/** The text that an option has now, or that of its default. */
export function effectiveOf(draft: Draft, option: OptionDoc): string {
  return textOf(draft, option.name) || (option.default ?? "");
}

/** Types a text; what is as it was written is no change. */
export function type(draft: Draft, option: string, text: string | null): void {
  const wanted = text === "" ? null : text;
  if (wanted === (draft.written[option] ?? null)) delete draft.typed[option];
  else draft.typed[option] = wanted;
}

/** A decimal comma is one, as it is written in German and Portuguese. */
export function plainNumber(text: string): string {
  const trimmed = text.trim();
  return /^\d+,\d+$/.test(trimmed) ? trimmed.replace(",", ".") : trimmed;
}

const YES = new Set(["yes", "on", "true"]);

/** Whether a boolean option's text means yes. */
export function isYes(text: string): boolean {
  return YES.has(text);
}

/** Whether saving would change anything of a section. */
export function isChanged(draft: Draft): boolean {
  if (draft.writtenName === null) return !draft.isRemoved;
  const isRenamed = draft.name !== draft.writtenName;
  return draft.isRemoved || isRenamed || Object.keys(draft.typed).length > 0;
}

/** What is to be asked of the manager so that the file is as the drafts are. */
export function changesOf(drafts: readonly Draft[]): SettingsChange[] {
  const removed: SettingsChange[] = [];
  const others: SettingsChange[] = [];
  const renamed: SettingsChange[] = [];
  for (const draft of drafts.filter(isChanged)) {
    if (draft.writtenName === null) {
      const options = known(draft.typed);
      others.push({ heading: headingOf(draft.kind, draft.name), create: true, options });
      continue;
    }
    const heading = headingOf(draft.kind, draft.writtenName);
    if (draft.isRemoved) {
      removed.push({ heading, remove: true });
      continue;
    }
    if (Object.keys(draft.typed).length > 0) others.push({ heading, options: { ...draft.typed } });
    if (draft.name !== draft.writtenName) {
      renamed.push({ heading, rename: headingOf(draft.kind, draft.name) });
    }
  }
  return [...removed, ...others, ...renamed];
}

function known(typed: Draft["typed"]): Record<string, OptionValue> {
  return Object.fromEntries(Object.entries(typed).filter(([, text]) => text !== null));
}

/** A mistake, and where it is shown; C{draft} null: at the top alone. */
export interface Placed {
  draft: number | null;
  option: string | null;
  text: string;
}

/** Where each mistake belongs: to a draft by its heading, now or as it was written. */
export function place(mistakes: readonly Mistake[], drafts: readonly Draft[]): Placed[] {
  return mistakes.map((mistake) => {
    const found = drafts.find((draft) => !draft.isRemoved && isAbout(mistake, draft));
    const allowed = [mistake.allowed, mistake.found ? `(${mistake.found})` : ""];
    const text = mistake.allowed ? allowed.filter(Boolean).join(" ") : mistake.text;
    return { draft: found?.id ?? null, option: mistake.option || null, text };
  });
}

function isAbout(mistake: Mistake, draft: Draft): boolean {
  const heading = (mistake.section ?? "").replace(/^\[|\]$/g, "");
  return (
    heading === headingOf(draft.kind, draft.name) ||
    (draft.writtenName !== null && heading === headingOf(draft.kind, draft.writtenName))
  );
}

/** Options that have to be there and are not, before the manager is asked. */
export function missing(draft: Draft, kind: KindDoc): string[] {
  return kind.options
    .filter((option) => option.required && !textOf(draft, option.name))
    .map((option) => option.name);
}

/** What somebody else changed of the settings. */
export interface Difference {
  heading: string;
  /** Empty: the section itself came or went. */
  option: string;
  before: string | null;
  after: string | null;
}

/** In what two states of the settings differ. */
export function differences(before: Settings, after: Settings): Difference[] {
  const old = byHeading(before);
  const now = byHeading(after);
  const found: Difference[] = [];
  for (const heading of new Set([...old.keys(), ...now.keys()])) {
    const was = old.get(heading);
    const is = now.get(heading);
    if (!was || !is) {
      found.push({ heading, option: "", before: was ? heading : null, after: is ? heading : null });
      continue;
    }
    for (const option of new Set([...Object.keys(was.options), ...Object.keys(is.options)])) {
      const [then, since] = [was.options[option] ?? null, is.options[option] ?? null];
      if (then !== since) found.push({ heading, option, before: then, after: since });
    }
  }
  return found;
}

function byHeading(settings: Settings): Map<string, SettingsSection> {
  return new Map(settings.sections.map((one) => [one.heading, one]));
}

/**
 * The drafts on newer settings: what was typed stays, what was not is as it is written now. A
 * section that is gone from the file and has typed text is kept as one that is to be made.
 */
export function rebased(drafts: readonly Draft[], settings: Settings): Draft[] {
  const now = byHeading(settings);
  const kept: Draft[] = [];
  for (const draft of drafts) {
    if (draft.writtenName === null) {
      kept.push(adopted(draft, now));
      continue;
    }
    const heading = headingOf(draft.kind, draft.writtenName);
    const section = now.get(heading);
    now.delete(heading);
    if (section) kept.push(onto(draft, section));
    else if (isChanged(draft) && !draft.isRemoved) {
      const written = Object.entries(draft.written).filter(([, text]) => text !== HIDDEN);
      const typed = { ...Object.fromEntries(written), ...draft.typed };
      kept.push({ ...draft, writtenName: null, written: {}, typed });
    }
  }
  return [...kept, ...[...now.values()].map(draftOf)];
}

/** Of a section that was to be made: what was typed, over that which somebody made meanwhile. */
function adopted(draft: Draft, now: Map<string, SettingsSection>): Draft {
  const heading = headingOf(draft.kind, draft.name);
  const section = now.get(heading);
  if (!section) return draft;
  now.delete(heading);
  return onto({ ...draft, writtenName: section.name }, section);
}

function onto(draft: Draft, section: SettingsSection): Draft {
  const result: Draft = { ...draft, written: { ...section.options }, typed: {} };
  for (const [option, text] of Object.entries(draft.typed)) type(result, option, text);
  return result;
}

/** The 15 ways in which one to three phases can be wired. */
export function phaseOrders(): string[] {
  const all = ["L1", "L2", "L3"];
  const two = all.flatMap((a) => all.filter((b) => b !== a).map((b) => `${a} ${b}`));
  const three = ["L1 L2 L3", "L2 L3 L1", "L3 L1 L2", "L1 L3 L2", "L2 L1 L3", "L3 L2 L1"];
  return [...three, ...two, ...all];
}

/** Which options of an EVSE or meter its type has a use for; the others are shown apart. */
export function isOfType(kind: string, option: string, device: string): boolean {
  const only: Record<string, Record<string, string[]>> = {
    evse: {
      ocpp16: ["connector", "lease", "password", "certificate_name", "quirks"],
      cfos_power_brain: ["unit", "window", "failsafe_after", "wake", "authorisation"],
    },
    meter: {
      modbus: ["definition", "registers", "word_order", "byte_order", "function"],
    },
  };
  const types = only[kind];
  if (!types) return true;
  const owners = Object.keys(types).filter((one) => types[one]?.includes(option));
  return owners.length === 0 || owners.includes(device) || !(device in types || kind === "meter");
}
