/** What is told of a transaction, in words. */

import { computed } from "vue";

import type { Transaction } from "@/api/types";
import { t, te, writtenAs } from "@/i18n";
import { duration, since } from "@/i18n/format";
import { live } from "@/live/live";

export const STATES = ["open", "stopped", "superseded"] as const;
export const TONES = { open: "good", stopped: "plain", superseded: "warn" } as const;

/** What the manager says where nobody has shown a card. */
const ANONYMOUS = "anonymous";

/** Who charged. */
export function tagOf(idTag: string | null): string {
  return idTag === ANONYMOUS ? t("dashboard.tile.anonymous") : (idTag ?? "–");
}

/** A word of OCPP in the page's language, where the page knows it. */
export function worded(group: string, word: string | null): string | null {
  const key = `transactions.${group}.${word}`;
  return word && te(key) ? t(key) : word;
}

/** The ids of those that go on now; changes only when one begins or ends. */
export const running = computed(() =>
  live.names.value.map((name) => live.evses.get(name)?.transaction?.id ?? "").join(),
);

/** The energy so far of one that goes on, by what its EVSE tells now. [Wh] */
export function energyOf(one: Transaction): number | null {
  if (one.state !== "open" || one.energy_wh !== null) return one.energy_wh;
  const evse = live.evses.get(one.evse ?? "");
  return evse && String(evse.transaction?.id) === String(one.id) ? evse.session_wh : null;
}

/** How long it took, or takes until now. */
export function lengthOf(one: Transaction, nowMs: number): string {
  if (one.state === "superseded" && !one.stopped_at) return "–";
  if (!one.stopped_at) return since(one.started_at, nowMs);
  return duration((Date.parse(one.stopped_at) - Date.parse(one.started_at)) / 1000);
}

/** "November 2026". */
export function monthName(month: string): string {
  const [year, number] = month.split("-").map(Number);
  const first = new Date(year!, number! - 1, 1);
  return first.toLocaleDateString(writtenAs(), { month: "long", year: "numeric" });
}
