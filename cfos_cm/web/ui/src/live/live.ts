/**
 * The site as it is now, by the manager's server-sent events. Each EVSE is a shallow reactive
 * object of its own: a change of one draws one tile again, not two hundred.
 */

import { computed, reactive, shallowReactive, shallowRef } from "vue";

import { address, api, ProblemError } from "@/api/client";
import type { Evse, EvseChange, Gateway, Session, Site } from "@/api/types";

import { note } from "./curves";

/** "lost": what is shown is old, and asked for again at `retryAt`. */
export type LiveState = "off" | "connecting" | "live" | "lost";

/** The longest pause between two tries, and how long a silence is believed. */
const LONGEST_PAUSE_MS = 20_000;
const FIRST_PAUSE_MS = 1_000;
/** A site at rest tells nothing; after so long it is asked whether it is still there. */
const SILENCE_MS = 30_000;
/** So many EVSEs are drawn again between two pictures; the others wait for the next ones. */
const AT_A_TIME = 20;

const evses = shallowReactive(new Map<string, Evse>());
const names = shallowRef<string[]>([]);

const site = shallowRef<Site | null>(null);

export const live = {
  site,
  /** By name; each value is shallow reactive. */
  evses,
  /** All names in the order of the manager: changes only when one comes or goes. */
  names,
  gateways: shallowRef<Gateway[]>([]),
  status: reactive<{ state: LiveState; retryAt: number | null; heardAt: number | null }>({
    state: "off",
    retryAt: null,
    heardAt: null,
  }),
  /** True until the first EVSEs are told. */
  isLoading: computed(() => site.value === null),
};

let source: EventSource | null = null;
let pauseMs = FIRST_PAUSE_MS;
let timer: ReturnType<typeof setTimeout> | undefined;
let watchdog: ReturnType<typeof setTimeout> | undefined;

/** Begins to listen; does nothing where it already does. */
export function startLive(): void {
  if (source !== null || timer !== undefined) return;
  connect();
}

/** Ends it, and forgets what was told. */
export function stopLive(): void {
  close();
  clearTimeout(timer);
  timer = undefined;
  live.status.state = "off";
  live.status.retryAt = null;
  live.site.value = null;
  live.gateways.value = [];
  evses.clear();
  waiting.clear();
  names.value = [];
}

/** Tries at once, where the connection is lost. */
export function retryLive(): void {
  if (live.status.state !== "lost") return;
  clearTimeout(timer);
  timer = undefined;
  connect();
}

function close(): void {
  source?.close();
  source = null;
  clearTimeout(watchdog);
}

function connect(): void {
  if (live.status.state !== "lost") live.status.state = "connecting";
  const opened = new EventSource(address("live"));
  source = opened;
  const on = <T>(name: string, take: (told: T) => void) =>
    opened.addEventListener(name, (event) => {
      heard();
      take(JSON.parse((event as MessageEvent<string>).data) as T);
    });
  opened.onopen = heard;
  opened.onerror = lost;
  on<Site>("site", (site) => (live.site.value = site));
  on<Evse[]>("evses", takeAll);
  on<EvseChange[]>("evse_changes", takeChanges);
  on<string[]>("gone", takeGone);
  on<Gateway[]>("gateways", (gateways) => (live.gateways.value = gateways));
}

function heard(): void {
  pauseMs = FIRST_PAUSE_MS;
  live.status.state = "live";
  live.status.retryAt = null;
  live.status.heardAt = Date.now();
  clearTimeout(watchdog);
  watchdog = setTimeout(() => void askIfThere(), SILENCE_MS);
}

/** A connection that is only half open is not told by EventSource. */
async function askIfThere(): Promise<void> {
  try {
    site.value = await api.get<Site>("site");
    if (source) heard();
  } catch (why) {
    if (!(why instanceof ProblemError)) throw why;
    lost();
  }
}

function lost(): void {
  close();
  if (live.status.state === "off") return;
  const pause = pauseMs * (0.75 + Math.random() / 2);
  pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  live.status.state = "lost";
  live.status.retryAt = Date.now() + pause;
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = undefined;
    connect();
  }, pause);
  // EventSource does not tell a status: whoever is logged out is told by a plain question.
  void stillLoggedIn();
}

async function stillLoggedIn(): Promise<void> {
  try {
    const session = await api.get<Session>("session", { quiet401: true });
    if (session.user === null) await api.get("site");
  } catch (why) {
    if (!(why instanceof ProblemError)) throw why;
  }
}

function takeAll(told: Evse[]): void {
  const kept = new Set(told.map((evse) => evse.name));
  waiting.clear();
  for (const name of [...evses.keys()]) if (!kept.has(name)) evses.delete(name);
  told.forEach(takeEvse);
  names.value = told.map((evse) => evse.name);
}

function takeEvse(evse: Evse): void {
  const known = evses.get(evse.name);
  if (known) assign(known, evse);
  else evses.set(evse.name, shallowReactive({ ...evse }));
  note(evse.name, evses.get(evse.name)!);
}

// Changes that are still to be shown. One of an EVSE that waits already joins the older one, so
// that there are never more of them than EVSEs, also while the page is hidden.
const waiting = new Map<string, EvseChange>();
let isShowing = false;

function takeChanges(changes: EvseChange[]): void {
  for (const change of changes) {
    waiting.set(change.name, { ...waiting.get(change.name), ...change });
  }
  if (!isShowing && waiting.size > 0) {
    isShowing = true;
    requestAnimationFrame(showSome);
  }
}

/** Two hundred tiles at once would cost a picture or two: they are drawn in turns. */
function showSome(): void {
  let left = AT_A_TIME;
  for (const [name, change] of waiting) {
    if ((left -= 1) < 0) break;
    waiting.delete(name);
    takeChange(change);
  }
  isShowing = waiting.size > 0;
  if (isShowing) requestAnimationFrame(showSome);
}

function takeChange(change: EvseChange): void {
  const known = evses.get(change.name);
  if (known) {
    assign(known, change);
  } else {
    evses.set(change.name, shallowReactive({ ...change } as Evse));
    names.value = [...names.value, change.name];
  }
  note(change.name, evses.get(change.name)!);
}

function assign(known: Evse, told: Partial<Evse>): void {
  const into = known as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(told)) {
    const before = into[key];
    // Values that read the same are not set: nothing that uses them is drawn again.
    if (typeof value === "object" && JSON.stringify(before) === JSON.stringify(value)) continue;
    into[key] = value;
  }
}

function takeGone(gone: string[]): void {
  for (const name of gone) {
    evses.delete(name);
    waiting.delete(name);
  }
  names.value = names.value.filter((name) => !gone.includes(name));
}
