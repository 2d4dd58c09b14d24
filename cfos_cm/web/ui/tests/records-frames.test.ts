import { describe, expect, it } from "vitest";

import type { TraceFrame } from "../src/api/types";
import { appended, pairOf, pretty } from "../src/views/trace/frames";

const START = Date.parse("2026-11-23T14:00:00Z");

function frame(number: number, told: Partial<TraceFrame> = {}, afterMs = number * 10): TraceFrame {
  return {
    number,
    at: new Date(START + afterMs).toISOString(),
    leg: "charger",
    who: "CP-1",
    direction: "in",
    kind: "call",
    action: "Heartbeat",
    unique_id: "a",
    text: "[]",
    size_bytes: 2,
    ...told,
  };
}

describe("pairs", () => {
  it("finds the answer to a call, the other way", () => {
    const call = frame(1);
    expect(pairOf(frame(2, { kind: "result", direction: "out" }))).toBe(pairOf(call));
    expect(pairOf(frame(2, { kind: "error", direction: "out" }))).toBe(pairOf(call));
  });

  it("keeps apart what only has the same id", () => {
    const call = pairOf(frame(1));
    expect(pairOf(frame(2, { direction: "out" }))).not.toBe(call);
    expect(pairOf(frame(2, { kind: "result", direction: "in" }))).not.toBe(call);
    expect(pairOf(frame(2, { who: "CP-2", kind: "result", direction: "out" }))).not.toBe(call);
    expect(pairOf(frame(2, { leg: "backend", kind: "result", direction: "out" }))).not.toBe(call);
  });

  it("has none for what is no message of OCPP", () => {
    expect(pairOf(frame(1, { kind: "other" }))).toBeNull();
    expect(pairOf(frame(1, { unique_id: null }))).toBeNull();
  });
});

describe("lines", () => {
  it("puts both legs beside each other where they spoke at the same time", () => {
    const lines = appended([], [frame(1), frame(2, { leg: "backend" }), frame(3)]);
    expect(lines.map((line) => line.frames.map((one) => one.number))).toEqual([[1, 2], [3]]);
  });

  it("puts what came later below", () => {
    const lines = appended([], [frame(1, {}, 0), frame(2, { leg: "backend" }, 501)]);
    expect(lines).toHaveLength(2);
  });

  it("goes on where it ended, and leaves lines that stay as they are", () => {
    const before = appended([], [frame(1), frame(2)]);
    const after = appended(before, [frame(3, { leg: "backend" })]);
    expect(after[0]).toBe(before[0]);
    expect(after[1]!.frames.map((one) => one.number)).toEqual([2, 3]);
    expect(before[1]!.frames).toHaveLength(1);
  });

  it("keeps the newest only", () => {
    const many = Array.from({ length: 25 }, (_, i) => frame(i + 1));
    const lines = appended(appended([], many.slice(0, 10), 10), many.slice(10), 10);
    expect(lines.map((line) => line.key)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  });
});

describe("text", () => {
  it("is set out, and left alone where it is no JSON", () => {
    expect(pretty('[2,"a"]')).toBe('[\n  2,\n  "a"\n]');
    expect(pretty("[2,")).toBe("[2,");
  });
});
