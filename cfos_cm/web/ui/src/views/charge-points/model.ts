/** What is known of charge points, for people. */

import type { Identity } from "@/api/types";

/** "Alfen BV NG910", or null. */
export function modelOf(device: Identity | null): string | null {
  return [device?.vendor, device?.model].filter(Boolean).join(" ") || null;
}

/** A section's NAME from a ChargeBox ID. */
export function nameFrom(identity: string): string {
  const name = identity.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 40);
  return name.replace(/^-+|-+$/g, "") || "evse-1";
}
