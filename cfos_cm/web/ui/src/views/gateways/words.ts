/** How gateways stand, in words. */

import type { Gateway } from "@/api/types";
import { t } from "@/i18n";
import { sentence } from "@/i18n/sentences";

const AWAY = "not connected: ";

/** Its state in the page's language; why it is not connected, as the manager says it. */
export function stateOf(one: Gateway): string {
  if (one.state === "connected") return t("gateways.states.connected");
  if (one.state === "waiting for approval") return t("gateways.states.waiting");
  if (!one.state.startsWith(AWAY)) return sentence(one.state);
  return t("gateways.states.away", { why: one.state.slice(AWAY.length) });
}

export function toneOf(one: Gateway): "good" | "warn" | "bad" {
  if (one.is_serving) return "good";
  return one.state === "waiting for approval" ? "warn" : "bad";
}

/** A short word for it. */
export function wordOf(one: Gateway): string {
  return t(`gateways.short.${toneOf(one)}`);
}
