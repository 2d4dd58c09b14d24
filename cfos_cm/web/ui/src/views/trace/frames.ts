/** Messages of both legs in lines beside each other, and which answer belongs to which call. */

import type { TraceFrame } from "@/api/types";

/** So many are kept; the oldest go. */
export const MOST = 1000;
/** What is said on both legs within so long stands in one line. */
const BESIDE_MS = 500;

/** One message, or one of each leg at about the same time, in the order in which they came. */
export interface Line {
  key: number;
  frames: TraceFrame[];
}

/** The same of a call and of its answer, and of nothing else; null: it is neither. */
export function pairOf(frame: TraceFrame): string | null {
  if (frame.unique_id === null || frame.kind === "other") return null;
  const isFromUs = (frame.direction === "out") === (frame.kind === "call");
  return JSON.stringify([frame.leg, frame.who, isFromUs, frame.unique_id]);
}

function fits(line: Line | undefined, frame: TraceFrame): line is Line {
  const [other, second] = line?.frames ?? [];
  if (!other || second || other.leg === frame.leg) return false;
  return Math.abs(Date.parse(frame.at) - Date.parse(other.at)) <= BESIDE_MS;
}

/** Lines with more messages behind them, and no more than C{most} messages in all. */
export function appended(lines: readonly Line[], frames: TraceFrame[], most = MOST): Line[] {
  const made = [...lines];
  for (const frame of frames) {
    const last = made.at(-1);
    if (fits(last, frame)) made[made.length - 1] = { ...last, frames: [...last.frames, frame] };
    else made.push({ key: frame.number, frames: [frame] });
  }
  let count = made.reduce((sum, line) => sum + line.frames.length, 0);
  let gone = 0;
  while (count > most) count -= made[gone++]!.frames.length;
  return made.slice(gone);
}

/** A message as a person reads it; what is no JSON, as it came. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
