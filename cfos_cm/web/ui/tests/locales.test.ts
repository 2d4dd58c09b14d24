import { describe, expect, it } from "vitest";

import de from "@/i18n/de";
import en from "@/i18n/en";
import type { Messages } from "@/i18n";
import pt from "@/i18n/pt";
import { TEMPLATES } from "@/i18n/templates";

/** What translates English that the manager says: English needs none of it. */
const OF_THE_MANAGER = /^(sentences|options)\./;

function texts(messages: Messages, before = ""): [string, string][] {
  return Object.entries(messages).flatMap(([key, value]) =>
    typeof value === "string"
      ? [[before + key, value] as [string, string]]
      : texts(value, `${before}${key}.`),
  );
}

function slots(text: string): string[] {
  return [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
}

const english = new Map(texts(en));

describe.each([
  ["de", de],
  ["pt", pt],
])("texts in %s", (_, messages) => {
  const own = new Map(texts(messages));

  it("has each English text, and no other", () => {
    const keys = (all: Map<string, string>) =>
      [...all.keys()].filter((key) => !OF_THE_MANAGER.test(key)).sort();
    expect(keys(own)).toEqual(keys(english));
  });

  it("uses the values that the English text uses", () => {
    for (const [key, text] of own) {
      const other = english.get(key);
      if (other !== undefined) expect(slots(text), key).toEqual(slots(other));
    }
  });

  it("has as many cases, one and many, as the English text", () => {
    for (const [key, text] of own) {
      const other = english.get(key);
      if (other) expect(text.split(" | ").length, key).toBe(other.split(" | ").length);
    }
  });

  it("translates each sentence of the manager, with values that it has", () => {
    for (const [name, template] of Object.entries(TEMPLATES)) {
      const text = own.get(`sentences.${name}`);
      expect(text, name).toBeDefined();
      for (const slot of slots(text ?? "")) expect(slots(template), name).toContain(slot);
    }
  });
});
