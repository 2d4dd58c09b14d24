/** The last minutes of each EVSE's power, for the small curves of the tiles. */

import type { Evse } from "@/api/types";

/** Five minutes at one value every two seconds. */
export const POINTS = 150;
const STEP_MS = 2_000;

/** A ring of the last powers in W; NaN: not known. */
export class Ring {
  readonly values = new Float32Array(POINTS).fill(NaN);
  head = 0;
  private writtenAt = 0;

  /** Takes a value; those of one step replace each other, steps without one repeat it. */
  add(value: number, nowMs: number): void {
    const steps = this.writtenAt === 0 ? 1 : Math.floor((nowMs - this.writtenAt) / STEP_MS);
    const last = this.values[this.head]!;
    for (let i = 0; i < Math.min(steps, POINTS); i += 1) {
      this.head = (this.head + 1) % POINTS;
      this.values[this.head] = last;
    }
    this.values[this.head] = value;
    if (steps > 0) this.writtenAt = nowMs;
  }
}

const rings = new Map<string, Ring>();

/** The curve of an EVSE. */
export function ring(name: string): Ring {
  let known = rings.get(name);
  if (!known) rings.set(name, (known = new Ring()));
  return known;
}

/** Takes what an EVSE draws now. */
export function note(name: string, evse: Evse): void {
  ring(name).add(evse.power_w ?? NaN, performance.now());
}
