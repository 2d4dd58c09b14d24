/** The messages as they come: those that there are, then each that follows. */

import { onScopeDispose, ref, shallowRef } from "vue";

import { address, api, ProblemError } from "@/api/client";
import type { TraceFrame } from "@/api/types";

import { appended, MOST, type Line } from "./frames";

export type Query = Record<"leg" | "who" | "action", string>;

/** Of those that there are already, so many are asked for. */
const FIRST = 300;
const AGAIN_MS = 3_000;

export function useFeed(query: () => Query) {
  const lines = shallowRef<Line[]>([]);
  const isLive = ref(false);
  const isPaused = ref(false);
  /** How many came since it is paused. */
  const held = ref(0);
  const problem = ref("");

  let last = 0;
  let pending: TraceFrame[] = [];
  let picture = 0;
  let source: EventSource | null = null;
  let aborting: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(told: TraceFrame[]): void {
    const fresh = told.filter((one) => one.number > last);
    last = fresh.at(-1)?.number ?? last;
    if (isPaused.value) held.value += fresh.length;
    // A page that nobody looks at is drawn no more, and must not grow either.
    pending = [...pending, ...fresh].slice(-MOST);
    if (!isPaused.value && pending.length > 0 && picture === 0) picture = requestAnimationFrame(show);
  }

  function show(): void {
    picture = 0;
    if (isPaused.value) return;
    lines.value = appended(lines.value, pending);
    pending = [];
    held.value = 0;
  }

  function clear(): void {
    lines.value = [];
    pending = [];
    held.value = 0;
  }

  function pause(on: boolean): void {
    isPaused.value = on;
    if (!on) show();
  }

  function close(): void {
    source?.close();
    source = null;
    aborting?.abort();
    clearTimeout(timer);
    isLive.value = false;
  }

  function lost(): void {
    close();
    timer = setTimeout(connect, AGAIN_MS);
  }

  async function connect(): Promise<void> {
    close();
    const mine = (aborting = new AbortController());
    try {
      const told = await api.get<{ frames: TraceFrame[]; next: number }>("trace", {
        query: { ...query(), limit: FIRST },
        signal: mine.signal,
      });
      // Numbers that begin anew are those of a manager that has begun anew.
      if (told.next < last) last = 0;
      take(told.frames);
      last = Math.max(last, told.next);
      problem.value = "";
      follow(told.next);
    } catch (why) {
      if (mine.signal.aborted) return;
      if (!(why instanceof ProblemError)) throw why;
      problem.value = why.detail;
      lost();
    }
  }

  function follow(after: number): void {
    source = new EventSource(address("trace/live", { ...query(), after }));
    source.addEventListener("frames", (event) =>
      take(JSON.parse((event as MessageEvent<string>).data) as TraceFrame[]),
    );
    source.onerror = lost;
    isLive.value = true;
  }

  /** Another question: what was shown was not asked for. */
  function again(): void {
    clear();
    isPaused.value = false;
    last = 0;
    void connect();
  }

  onScopeDispose(() => {
    close();
    cancelAnimationFrame(picture);
  });
  void connect();
  return { lines, isLive, isPaused, held, problem, pause, clear, again };
}
