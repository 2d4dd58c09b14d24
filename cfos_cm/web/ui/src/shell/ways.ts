/** The ways of the navigation, in their order. */

import type { IconName } from "@/components/XIcon.vue";
import { VIEWS } from "@/router";
import { may } from "@/session";

const ICONS: Record<string, IconName> = {
  dashboard: "dashboard",
  "charge-points": "plug",
  transactions: "list",
  tags: "tag",
  gateways: "cloud",
  trace: "trace",
  settings: "gear",
  security: "shield",
  accounts: "people",
};

/** A link of the navigation. */
export interface Way {
  name: string;
  icon: IconName;
}

/** What who is logged in may see. */
export function ways(): Way[] {
  return VIEWS.filter((view) => view.role !== null && may(view.role)).map((view) => ({
    name: view.name,
    icon: ICONS[view.name] ?? "list",
  }));
}
