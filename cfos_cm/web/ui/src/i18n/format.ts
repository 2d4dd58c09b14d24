/** Numbers, units and times as the language writes them. Unknown is an en dash. */

import { t, writtenAs } from "./index";

export const UNKNOWN = "–";

const formats = new Map<string, Intl.NumberFormat>();

/** A number with so many decimals. */
export function number(value: number | null | undefined, decimals = 0, fixed = false): string {
  if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
  const key = `${writtenAs()} ${decimals} ${fixed}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(writtenAs(), {
      maximumFractionDigits: decimals,
      minimumFractionDigits: fixed ? decimals : 0,
    });
    formats.set(key, format);
  }
  // A value that is written as nought has no sign.
  return format.format(Math.abs(value) < 0.5 / 10 ** decimals ? 0 : value).replace("-", "−");
}

function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined;
}

/** "7.2 kW", "840 W". */
export function power(watts: number | null | undefined): string {
  if (!known(watts)) return UNKNOWN;
  const size = Math.abs(watts);
  if (size < 1000) return `${number(watts)}\u00a0W`;
  return `${number(watts / 1000, size < 100_000 ? 1 : 0, true)}\u00a0kW`;
}

/** "16 A", "7.5 A". */
export function current(milliamperes: number | null | undefined, unit = true): string {
  if (!known(milliamperes)) return UNKNOWN;
  return number(milliamperes / 1000, 1) + (unit ? "\u00a0A" : "");
}

/** "12.34 kWh". */
export function energy(wattHours: number | null | undefined): string {
  if (!known(wattHours)) return UNKNOWN;
  return `${number(wattHours / 1000, Math.abs(wattHours) < 100_000 ? 2 : 0, true)}\u00a0kWh`;
}

/** "12 KB". */
export function size(bytes: number | null | undefined): string {
  if (!known(bytes)) return UNKNOWN;
  if (bytes < 1000) return `${number(bytes)}\u00a0B`;
  return bytes < 1e6
    ? `${number(bytes / 1e3, 1)}\u00a0kB`
    : `${number(bytes / 1e6, 1)}\u00a0MB`;
}

function instant(at: string | number | null | undefined): Date | null {
  if (at === null || at === undefined || at === "") return null;
  const date = new Date(typeof at === "number" ? at * 1000 : at);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Day and time of day, by the browser's own time zone. */
export function time(at: string | number | null | undefined): string {
  const date = instant(at);
  return date
    ? date.toLocaleString(writtenAs(), { dateStyle: "medium", timeStyle: "short" })
    : UNKNOWN;
}

/** Day and time of day to the second. */
export function exactTime(at: string | number | null | undefined): string {
  const date = instant(at);
  return date
    ? date.toLocaleString(writtenAs(), { dateStyle: "medium", timeStyle: "medium" })
    : UNKNOWN;
}

/** Only the time of day, "14:05". */
export function timeOfDay(at: string | number | null | undefined): string {
  const date = instant(at);
  return date
    ? date.toLocaleTimeString(writtenAs(), { hour: "2-digit", minute: "2-digit" })
    : UNKNOWN;
}

/** How long: "2 h 05 min", "12 min". */
export function duration(seconds: number | null | undefined): string {
  if (!known(seconds)) return UNKNOWN;
  const minutes = Math.max(0, Math.floor(seconds / 60));
  if (minutes < 1) return t("common.seconds", { n: Math.max(0, Math.floor(seconds)) });
  if (minutes < 60) return t("common.minutes", { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    return t("common.hoursMinutes", { h: hours, m: String(minutes % 60).padStart(2, "0") });
  }
  return t("common.days", { n: Math.floor(hours / 24) });
}

/** How long since, "5 min"; no seconds, for whoever shows it does not look every second. */
export function since(at: string | null | undefined, nowMs = Date.now()): string {
  const date = instant(at);
  if (!date) return UNKNOWN;
  const seconds = (nowMs - date.getTime()) / 1000;
  return seconds < 60 ? `< ${t("common.minutes", { n: 1 })}` : duration(seconds);
}
