/** Something read from the manager, with its states. */

import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { ProblemError } from "@/api/client";

export interface Loaded<T> {
  value: ShallowRef<T | null>;
  /** True while it is asked for. */
  isLoading: Ref<boolean>;
  problem: ShallowRef<ProblemError | null>;
  /** Asks again; an older question that is still open is given up. */
  load: () => Promise<void>;
}

/** Asks at once, and again by `load()`. What was read stays while it is asked for again. */
export function useLoad<T>(ask: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const value = shallowRef<T | null>(null);
  const isLoading = ref(false);
  const problem = shallowRef<ProblemError | null>(null);
  let aborting: AbortController | null = null;

  async function load(): Promise<void> {
    aborting?.abort();
    const mine = (aborting = new AbortController());
    isLoading.value = true;
    try {
      value.value = await ask(mine.signal);
      problem.value = null;
    } catch (why) {
      if (mine.signal.aborted) return;
      if (!(why instanceof ProblemError)) throw why;
      problem.value = why;
    } finally {
      if (aborting === mine) isLoading.value = false;
    }
  }

  onScopeDispose(() => aborting?.abort());
  void load();
  return { value, isLoading, problem, load };
}
