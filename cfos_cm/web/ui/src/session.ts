/** Who is logged in. */

import { computed, shallowRef } from "vue";

import { api, useSession, whenLoggedOut } from "./api/client";
import type { Role, Session } from "./api/types";
import { startLive, stopLive } from "./live/live";
import { go, place } from "./router";

const RANK: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };

export const session = shallowRef<Session | null>(null);
export const user = computed(() => session.value?.user ?? null);

/** Whether who is logged in may do what asks for a role at least. */
export function may(role: Role): boolean {
  return user.value !== null && RANK[user.value.role] >= RANK[role];
}

/** Takes an answer about the session: listens where somebody is logged in. */
export function enter(answer: Session): void {
  session.value = answer;
  useSession(answer);
  if (answer.user) startLive();
  else stopLive();
}

/** Asks who is logged in. Throws ProblemError. */
export async function whoAmI(): Promise<void> {
  enter(await api.get<Session>("session", { quiet401: true }));
}

/** Ends the session. */
export async function logOut(): Promise<void> {
  await api.delete("session", { quiet401: true }).catch(() => {});
  leave();
  await whoAmI().catch(() => {});
}

function leave(): void {
  stopLive();
  if (session.value) session.value = { ...session.value, user: null, csrf: null };
  if (place.value.view === "login" || place.value.view === "setup") return;
  const back = location.hash;
  go(`#/login?back=${encodeURIComponent(back)}`, true);
}

whenLoggedOut(leave);
