import { beforeAll, describe, expect, it } from "vitest";

import de from "@/i18n/de";
import en from "@/i18n/en";
import { i18n } from "@/i18n";
import pt from "@/i18n/pt";
import { clause, sentence } from "@/i18n/sentences";
import { TEMPLATES } from "@/i18n/templates";

beforeAll(() => {
  i18n.global.setLocaleMessage("en", en);
  i18n.global.setLocaleMessage("de", de);
  i18n.global.setLocaleMessage("pt", pt);
});

function said(language: string, text: string): string {
  i18n.global.locale.value = language;
  return sentence(text);
}

describe("sentences of the manager", () => {
  it("says that a phase is full where a reason only names it", () => {
    expect(said("en", "phase L2 of garage")).toBe("Phase L2 of garage is full");
    expect(said("de", "phase L2 of garage")).toBe("Phase L2 von garage ist ausgelastet");
    expect(said("pt", "phase L2 of garage")).toBe("A fase L2 de garage está cheia");
  });

  it("translates a sentence within a sentence, and writes amounts as the language does", () => {
    const text = "phase L1 of garage has 4.3 A left, and bay-1 needs 6 A";
    expect(said("de", text)).toBe("Phase L1 von garage hat noch 4,3\u00a0A, bay-1 braucht 6\u00a0A");
  });

  it("writes a name as its owner does", () => {
    expect(said("de", "garage is paused")).toBe("garage ist pausiert");
    expect(said("en", "bay-1 is on its own")).toBe("bay-1 is on its own");
  });

  it("names whom something is kept for", () => {
    const text =
      "phase L1 of garage has 0 A left, and bay-1 needs 6 A; kept: 6 A for bay-2, " +
      "7.5 A for bay-3 and 2 more, not under control";
    expect(said("de", text)).toContain(
      "reserviert: 6\u00a0A für bay-2, 7,5\u00a0A für bay-3 und 2 weitere (nicht steuerbar)",
    );
    expect(said("en", text)).toBe(text.charAt(0).toUpperCase() + text.slice(1));
  });

  it("leaves English as it is", () => {
    expect(said("en", "no car is plugged in")).toBe("No car is plugged in");
  });

  it("shows what it does not know as it came", () => {
    expect(said("de", "something entirely new")).toBe("Something entirely new");
  });

  it("translates each part of an answer of several sentences", () => {
    expect(said("de", "bay-1 may have 10 A; it has confirmed 10 A")).toBe(
      "bay-1 darf höchstens 10\u00a0A; 10\u00a0A bestätigt",
    );
  });

  it("tells an operator's pause", () => {
    expect(said("de", "paused by operator")).toBe("Vom Bediener pausiert");
    expect(clause("paused by operator")).toBe("vom Bediener pausiert");
  });

  it("does not take one sentence for another", () => {
    i18n.global.locale.value = "de";
    for (const [name, template] of Object.entries(TEMPLATES)) {
      const text = template
        .replace(/\{a\d?\}/g, "7.5 A")
        .replace(/\{n\}/g, "3")
        .replace(/\{(\w+)\}/g, "xx");
      const full = name.startsWith("place") ? `${name}Full` : name;
      const values = { a: "7,5\u00a0A", a2: "7,5\u00a0A", n: "3" };
      const others = ["p", "d", "evse", "by", "circuit", "meter", "phase", "fault", "why", "kept"];
      const more = ["name", "state", "what", "subject", "day", "tag", "verdict"];
      const named = Object.fromEntries([...others, ...more].map((slot) => [slot, "xx"]));
      const wanted = i18n.global.t(`sentences.${full}`, { ...named, ...values });
      expect(clause(text), name).toBe(wanted);
    }
  });
});
