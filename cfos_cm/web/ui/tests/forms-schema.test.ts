import { describe, expect, it } from "vitest";

import { asPem } from "@/forms/pem";
import { emptyOf, fieldOf, payloadOf, type Flaw } from "@/forms/schema";

const PROFILE = {
  type: "object",
  properties: {
    connectorId: { type: "integer", minimum: 0, description: "0 is the whole Charge Point." },
    profile: { $ref: "#/$defs/Profile" },
    idTag: { type: "string", maxLength: 5 },
    retrieveDate: { type: "string" },
    soon: { anyOf: [{ type: "boolean" }, { type: "null" }] },
  },
  required: ["connectorId", "profile"],
  $defs: {
    Profile: {
      type: "object",
      description: "A schedule.",
      properties: {
        kind: { $ref: "#/$defs/Kind" },
        periods: { type: "array", items: { $ref: "#/$defs/Period" } },
      },
      required: ["kind", "periods"],
    },
    Kind: { enum: ["Absolute", "Relative"] },
    Period: {
      type: "object",
      properties: { start: { type: "integer" }, limit: { type: "number" } },
      required: ["start", "limit"],
    },
  },
};

describe("the fields of a schema", () => {
  const field = fieldOf(PROFILE);
  const named = (name: string) => field.fields.find((one) => one.name === name)!;

  it("follow references, nothing-or-something, and lists", () => {
    expect(field.fields.map((one) => one.kind)).toEqual([
      "integer",
      "object",
      "text",
      "moment",
      "boolean",
    ]);
    expect(named("profile").doc).toBe("A schedule.");
    expect(named("profile").fields[0]).toMatchObject({
      kind: "choice",
      choices: ["Absolute", "Relative"],
    });
    expect(named("profile").fields[1]!.item!.fields.map((one) => one.name)).toEqual([
      "start",
      "limit",
    ]);
    expect(named("connectorId").isRequired).toBe(true);
    expect(named("idTag").isRequired).toBe(false);
  });

  it("begin with what is required, and one item in a list", () => {
    expect(emptyOf(field)).toEqual({
      connectorId: "",
      profile: { kind: "", periods: [{ start: "", limit: "" }] },
    });
  });

  it("end where a schema refers to itself", () => {
    const endless = { $ref: "#/$defs/A", $defs: { A: { properties: { a: { $ref: "#/$defs/A" } } } } };
    expect(fieldOf(endless).kind).toBe("object");
  });
});

describe("the payload", () => {
  const field = fieldOf(PROFILE);

  it("has numbers, UTC and no optional field that is empty", () => {
    const flaws: Flaw[] = [];
    const typed = {
      connectorId: "1",
      profile: { kind: "Absolute", periods: [{ start: "0", limit: "7,5" }] },
      idTag: "",
      retrieveDate: "2026-11-23T14:00:00Z",
    };
    expect(payloadOf(field, typed, flaws)).toEqual({
      connectorId: 1,
      profile: { kind: "Absolute", periods: [{ start: 0, limit: 7.5 }] },
      retrieveDate: "2026-11-23T14:00:00.000Z",
    });
    expect(flaws).toEqual([]);
  });

  it("tells each flaw at its place", () => {
    const flaws: Flaw[] = [];
    const typed = {
      connectorId: "-1",
      profile: { kind: "", periods: [{ start: "1.5", limit: "x" }] },
      idTag: "toolong",
    };
    payloadOf(field, typed, flaws);
    expect(flaws.map((one) => [one.at, one.code])).toEqual([
      ["connectorId", "least"],
      ["profile.kind", "missing"],
      ["profile.periods[0].start", "integer"],
      ["profile.periods[0].limit", "number"],
      ["idTag", "long"],
    ]);
  });

  it("keeps no and nought, which are something", () => {
    const typed = { connectorId: 0, profile: { kind: "Relative", periods: [] }, soon: false };
    expect(payloadOf(field, typed)).toEqual(typed);
  });
});

describe("a certificate's file", () => {
  it("stays as it is where it is PEM, and becomes PEM where it is DER", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect(asPem(new TextEncoder().encode(pem).buffer as ArrayBuffer, "KEY")).toBe(pem);
    const der = new Uint8Array([0x30, 0x82, 1, 2, 3]);
    expect(asPem(der.buffer as ArrayBuffer, "CERTIFICATE")).toContain("MIIBAgM=");
    expect(asPem(der.buffer as ArrayBuffer, "KEY")).toBeNull();
    expect(asPem(new Uint8Array([1, 2]).buffer as ArrayBuffer, "CERTIFICATE")).toBeNull();
  });
});
