import { describe, expect, it } from "vitest";

import type { KindDoc, Mistake, OptionDoc, Settings } from "@/api/types";
import {
  changesOf,
  differences,
  draftOf,
  effectiveOf,
  isOfType,
  missing,
  newDraft,
  phaseOrders,
  place,
  plainNumber,
  rebased,
  textOf,
  type,
  type Draft,
} from "@/forms/model";

function section(heading: string, options: Record<string, string>) {
  const [kind = "", name = ""] = heading.split(" ");
  return { heading, kind, name, line: 1, options };
}

function settings(...sections: ReturnType<typeof section>[]): Settings {
  return { etag: "1", path: "tap.cfg", sections, kinds: [], warnings: [] };
}

function option(name: string, more: Partial<OptionDoc> = {}): OptionDoc {
  return {
    name,
    doc: "",
    default: "16",
    required: false,
    allowed: "",
    type: "number",
    choices: [],
    refers_to: "",
    restart: false,
    unit: "A",
    ...more,
  };
}

function draft(heading: string, options: Record<string, string> = {}): Draft {
  return draftOf(section(heading, options));
}

describe("a draft", () => {
  it("has what was typed before what is written, and that before the default", () => {
    const one = draft("evse bay-1", { max_current: "20" });
    expect(effectiveOf(one, option("max_current"))).toBe("20");
    type(one, "max_current", "10");
    expect(effectiveOf(one, option("max_current"))).toBe("10");
    type(one, "max_current", "");
    expect(textOf(one, "max_current")).toBeNull();
    expect(effectiveOf(one, option("max_current"))).toBe("16");
  });

  it("is not changed by typing what is written anyway", () => {
    const one = draft("evse bay-1", { max_current: "20" });
    type(one, "max_current", "10");
    type(one, "max_current", "20");
    type(one, "priority", "");
    expect(changesOf([one])).toEqual([]);
  });

  it("takes a decimal comma", () => {
    expect(plainNumber(" 7,5 ")).toBe("7.5");
    expect(plainNumber("1,2,3")).toBe("1,2,3");
  });

  it("misses what is required and empty", () => {
    const kind: KindDoc = {
      kind: "gateway",
      named: true,
      doc: "",
      options: [option("url", { required: true, default: null }), option("connector")],
    };
    const one = newDraft("gateway", "g");
    expect(missing(one, kind)).toEqual(["url"]);
    type(one, "url", "ws://a/");
    expect(missing(one, kind)).toEqual([]);
  });
});

describe("changes", () => {
  it("are of all drafts in one piece: removed, changed, made, renamed", () => {
    const changed = draft("evse bay-1", { max_current: "20", priority: "2" });
    type(changed, "max_current", "10");
    type(changed, "priority", null);
    const gone = draft("gateway old");
    gone.isRemoved = true;
    const made = newDraft("gateway", "new", { evse: "bay-1", password: null });
    const renamed = draft("circuit house");
    renamed.name = "main";
    expect(changesOf([changed, gone, made, renamed, draft("evse same")])).toEqual([
      { heading: "gateway old", remove: true },
      { heading: "evse bay-1", options: { max_current: "10", priority: null } },
      { heading: "gateway new", create: true, options: { evse: "bay-1" } },
      { heading: "circuit house", rename: "circuit main" },
    ]);
  });

  it("say a kind of which there is one by its heading alone", () => {
    const one = newDraft("web", "");
    type(one, "listen", "tcp:1");
    expect(changesOf([one])).toEqual([
      { heading: "web", create: true, options: { listen: "tcp:1" } },
    ]);
  });
});

describe("mistakes", () => {
  const mistake = (section: string, option: string): Mistake => ({
    line: 3,
    section,
    option,
    found: "x",
    allowed: "must be a number",
    text: "whole",
  });

  it("are placed at their option, by the new and by the written heading", () => {
    const one = draft("evse bay-1");
    one.name = "bay-9";
    const [now, before, elsewhere] = place(
      [mistake("evse bay-9", "phases"), mistake("[evse bay-1]", "phases"), mistake("", "")],
      [one],
    );
    expect(now).toEqual({ draft: one.id, option: "phases", text: "must be a number (x)" });
    expect(before?.draft).toBe(one.id);
    expect(elsewhere).toMatchObject({ draft: null, option: null });
  });
});

describe("newer settings", () => {
  it("differ by option and by section", () => {
    const before = settings(section("evse a", { phases: "L1", priority: "1" }), section("evse b", {}));
    const after = settings(section("evse a", { phases: "L2", priority: "1" }), section("evse c", {}));
    expect(differences(before, after)).toEqual([
      { heading: "evse a", option: "phases", before: "L1", after: "L2" },
      { heading: "evse b", option: "", before: "evse b", after: null },
      { heading: "evse c", option: "", before: null, after: "evse c" },
    ]);
  });

  it("keep what was typed, and take over all else", () => {
    const one = draft("evse a", { phases: "L1", priority: "1" });
    type(one, "phases", "L3");
    const [kept, added] = rebased(
      [one],
      settings(section("evse a", { phases: "L2", priority: "5" }), section("evse b", {})),
    );
    expect(textOf(kept!, "phases")).toBe("L3");
    expect(textOf(kept!, "priority")).toBe("5");
    expect(kept!.id).toBe(one.id);
    expect(added!.name).toBe("b");
  });

  it("do not lose a section that somebody removed while it was typed over", () => {
    const one = draft("evse a", { phases: "L1", password: "***" });
    type(one, "phases", "L3");
    const [kept] = rebased([one, draft("evse untouched")], settings());
    expect(changesOf([kept!])).toEqual([
      { heading: "evse a", create: true, options: { phases: "L3" } },
    ]);
  });

  it("join a section that was to be made with one that somebody made", () => {
    const one = newDraft("evse", "a", { phases: "L3" });
    const found = rebased([one], settings(section("evse a", { phases: "L1" })));
    expect(found).toHaveLength(1);
    expect(changesOf(found)).toEqual([{ heading: "evse a", options: { phases: "L3" } }]);
  });
});

describe("what a type has a use for", () => {
  it("is known of wallboxes with OCPP and with Modbus", () => {
    expect(isOfType("evse", "connector", "ocpp16")).toBe(true);
    expect(isOfType("evse", "unit", "ocpp16")).toBe(false);
    expect(isOfType("evse", "unit", "cfos_power_brain")).toBe(true);
    expect(isOfType("evse", "unit", "a_driver_of_others")).toBe(true);
    expect(isOfType("meter", "registers", "sunspec")).toBe(false);
    expect(isOfType("evse", "max_current", "ocpp16")).toBe(true);
  });

  it("has fifteen different orders of phases", () => {
    expect(new Set(phaseOrders()).size).toBe(15);
  });
});
