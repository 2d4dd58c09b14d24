/** Days, months and times of day as fields write them, by the browser's own time zone. */

function dated(day: string, daysLater = 0): Date | null {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day);
  if (!found) return null;
  const date = new Date(Number(found[1]), Number(found[2]) - 1, Number(found[3]) + daysLater);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The moment at which a day such as "2026-11-23" begins here; null: it is none. */
export function dayStart(day: string): string | null {
  return dated(day)?.toISOString() ?? null;
}

/** The first moment after a day. A day of 23 or 25 hours is as long as it is. */
export function dayEnd(day: string): string | null {
  return dated(day, 1)?.toISOString() ?? null;
}

const two = (n: number) => String(n).padStart(2, "0");

/** The day it is here, "2026-11-23". */
export function dayOf(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The month it is here and those before it, "2026-11" first. */
export function lastMonths(count: number, now: Date): string[] {
  return Array.from({ length: count }, (_, ago) =>
    dayOf(new Date(now.getFullYear(), now.getMonth() - ago, 1)).slice(0, 7),
  );
}

/** A moment for a field of the type datetime-local. */
export function toField(iso: string | null): string {
  if (!iso) return "";
  const at = new Date(iso);
  return `${dayOf(at)}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** What such a field says; null: nothing. */
export function fromField(text: string): string | null {
  const at = new Date(text);
  return text && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}
