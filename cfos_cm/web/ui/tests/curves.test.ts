import { describe, expect, it } from "vitest";

import { POINTS, Ring } from "@/live/curves";

function last(ring: Ring, count: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => ring.values[(ring.head - count + 1 + i + POINTS) % POINTS]!,
  );
}

describe("the curve of an EVSE", () => {
  it("keeps one value for each step", () => {
    const ring = new Ring();
    ring.add(100, 10_000);
    ring.add(200, 10_500);
    ring.add(300, 12_000);
    expect(last(ring, 3)).toEqual([NaN, 200, 300]);
  });

  it("repeats what was not told again", () => {
    const ring = new Ring();
    ring.add(100, 10_000);
    ring.add(500, 16_000);
    expect(last(ring, 4)).toEqual([100, 100, 100, 500]);
  });

  it("forgets what is too old, however long nothing was told", () => {
    const ring = new Ring();
    ring.add(100, 10_000);
    ring.add(700, 10_000_000);
    expect(ring.values.filter((one) => one === 700).length).toBe(1);
    expect(ring.values.length).toBe(POINTS);
  });
});
