/** What an EVSE does, in words. */

import type { Evse } from "@/api/types";
import { t } from "@/i18n";
import { current } from "@/i18n/format";
import { clause } from "@/i18n/sentences";

export type Tone = "good" | "bad" | "warn" | "info" | "plain";

/** What the states are counted and chosen by. */
export const GROUPS = ["charging", "waiting", "free", "trouble"] as const;
export type Group = (typeof GROUPS)[number];

export interface StateWords {
  text: string;
  tone: Tone;
}

/** What the manager says where nobody has shown a card. */
const ANONYMOUS = "anonymous";
const DETAILS = ["SuspendedEV", "SuspendedEVSE", "Finishing", "Preparing", "Reserved"];

/** Its state, as its owner says it. */
export function stateOf(evse: Evse): StateWords {
  const [key, tone] = keyOf(evse);
  return { text: t(`dashboard.state.${key}`), tone };
}

function keyOf(evse: Evse): [string, Tone] {
  if (!evse.enabled) return ["disabled", "plain"];
  if (evse.link === "never") return ["never", "warn"];
  if (evse.link === "lost") return ["lost", "bad"];
  if (evse.occupancy === "faulted") return ["faulted", "bad"];
  if (evse.occupancy === "unavailable") return ["unavailable", "warn"];
  if (evse.paused && evse.occupancy !== "free") return ["paused", "info"];
  if (evse.occupancy === "charging") return ["charging", "good"];
  if (evse.occupancy === "plugged") return [pluggedKey(evse), "info"];
  if (evse.occupancy === "free") return evse.detail === "Reserved" ? ["Reserved", "info"] : ["free", "plain"];
  return ["unknown", "plain"];
}

function pluggedKey(evse: Evse): string {
  if (evse.detail && DETAILS.includes(evse.detail)) return evse.detail;
  return evse.transaction ? "waits" : "plugged";
}

/** The group that it is counted to. */
export function groupOf(evse: Evse): Group {
  if (evse.enabled && (evse.link !== "online" || evse.warnings.length > 0)) return "trouble";
  if (evse.occupancy === "faulted" || evse.occupancy === "unavailable") return "trouble";
  if (evse.occupancy === "charging") return "charging";
  return evse.occupancy === "plugged" ? "waiting" : "free";
}

/** "7 A: phase L2 of garage is full". */
export function reasonOf(evse: Evse): string | null {
  const setpoint = evse.setpoint;
  if (!setpoint?.reason) return null;
  return `${current(setpoint.current_ma)}: ${clause(setpoint.reason.text)}`;
}

/** Why nothing is said of no car: the state says it already. */
export function isWorthSaying(evse: Evse): boolean {
  const reason = evse.setpoint?.reason;
  const code = reason?.code;
  // A warning says it already.
  if (evse.warnings.some((one) => one.text === reason?.text)) return false;
  return code !== undefined && code !== "no_car" && !(code === "not_connected" && !evse.transaction);
}

/** What it draws on the phase with most of it; null: not measured. */
export function drawnMa(evse: Evse): number | null {
  const told: (number | null)[] = evse.currents_ma ?? [];
  const known = told.filter((one) => one !== null);
  return known.length > 0 ? Math.max(...known.map(Math.abs)) : null;
}

/** Whether somebody charges or could go on. */
export function isInUse(evse: Evse): boolean {
  return evse.transaction !== null || evse.occupancy === "charging";
}

/** "KEBA KC-P30 · SN 123 · 5.2.1". */
export function deviceOf(evse: Evse): string | null {
  const device = evse.identity;
  if (!device) return null;
  const name = [device.vendor, device.model].filter(Boolean).join(" ");
  return [name, device.serial_number, device.firmware_version].filter(Boolean).join(" · ");
}

/** Who charges; null: nobody. */
export function tagOf(evse: Evse): string | null {
  const tag = evse.transaction?.id_tag ?? null;
  return tag === ANONYMOUS ? t("dashboard.tile.anonymous") : tag;
}

/** The most that an operator allows; null: he does not say. */
export function operatorLimitMa(evse: Evse): number | null {
  return evse.limits.find((limit) => limit.by === "operator")?.current_ma ?? null;
}
