/** What is read aloud of the EVSEs' states: a few words, and not more often than one can hear. */

import { onScopeDispose, ref, toRaw, type Ref } from "vue";

import { live } from "@/live/live";

import { stateOf } from "./words";

const EVERY_MS = 5_000;
/** Of more changes at once only the first are told. */
const MOST = 3;

/** The last changes as text of a live region. */
export function useAnnounced(): Ref<string> {
  const said = ref("");
  const before = new Map<string, string>();

  function look(): void {
    const changed: string[] = [];
    for (const [name, evse] of toRaw(live.evses)) {
      const state = stateOf(toRaw(evse)).text;
      const known = before.get(name);
      if (known !== undefined && known !== state) changed.push(`${name}: ${state}`);
      before.set(name, state);
    }
    if (changed.length > 0) said.value = changed.slice(0, MOST).join(". ");
  }

  const timer = setInterval(look, EVERY_MS);
  onScopeDispose(() => clearInterval(timer));
  return said;
}
