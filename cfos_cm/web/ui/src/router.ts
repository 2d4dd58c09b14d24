/** Which view is shown: the part of the address behind `#`, such as `#/transactions?evse=a`. */

import { computed, defineAsyncComponent, shallowRef, type Component } from "vue";

import type { Role } from "./api/types";

/** A view of the page; C{role}: who may see it at least, null: also who is not logged in. */
export interface View {
  name: string;
  role: Role | null;
  component: Component;
  /** Fetches its part of the page. */
  load: () => Promise<unknown>;
}

/** Where the page is. */
export interface Place {
  view: string;
  /** What follows the view: `#/charge-points/CP-1/call` has ["CP-1", "call"]. */
  parts: string[];
  query: URLSearchParams;
}

function made(name: string, role: Role | null, load: () => Promise<{ default: Component }>): View {
  return { name, role, load, component: defineAsyncComponent({ loader: load, delay: 150 }) };
}

export const VIEWS: View[] = [
  made("dashboard", "viewer", () => import("./views/dashboard/DashboardView.vue")),
  made("charge-points", "operator", () => import("./views/charge-points/ChargePointsView.vue")),
  made("transactions", "viewer", () => import("./views/transactions/TransactionsView.vue")),
  made("tags", "operator", () => import("./views/tags/TagsView.vue")),
  made("gateways", "viewer", () => import("./views/gateways/GatewaysView.vue")),
  made("trace", "operator", () => import("./views/trace/TraceView.vue")),
  made("settings", "admin", () => import("./views/settings/SettingsView.vue")),
  made("security", "admin", () => import("./views/security/SecurityView.vue")),
  made("accounts", "viewer", () => import("./views/accounts/AccountsView.vue")),
  made("login", null, () => import("./views/entrance/LoginView.vue")),
  made("setup", null, () => import("./views/entrance/SetupView.vue")),
];

export const HOME = "dashboard";

function read(hash: string): Place {
  const [way = "", asked = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view = "", ...parts] = way.split("/").filter(Boolean).map(decoded);
  return { view: view || HOME, parts, query: new URLSearchParams(asked) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Where the page is now. */
export const place = shallowRef<Place>(read(location.hash));
addEventListener("hashchange", (event) => {
  if ([...guards].every((mayLeave) => mayLeave(location.hash))) place.value = read(location.hash);
  else history.replaceState(null, "", event.oldURL);
});

const guards = new Set<(target: string) => boolean>();

/** Has the page ask C{mayLeave} before it shows another view, until what is returned is called. */
export function beforeLeaving(mayLeave: (target: string) => boolean): () => void {
  guards.add(mayLeave);
  return () => void guards.delete(mayLeave);
}

/** The view that is shown; undefined: there is none of that name. */
export const view = computed(() => VIEWS.find((one) => one.name === place.value.view));

/** The link to a view: `href("charge-points", ["CP 1"], {tab: "call"})`. */
export function href(
  to: string,
  parts: (string | number)[] = [],
  query: Record<string, string | number | null | undefined> = {},
): string {
  const way = [to, ...parts].map((part) => encodeURIComponent(String(part))).join("/");
  const known = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const asked = new URLSearchParams(known.map(([name, value]) => [name, String(value)]));
  return `#/${way}${known.length > 0 ? `?${asked}` : ""}`;
}

/** Goes to a view; C{replace}: without a step to go back to. */
export function go(target: string, replace = false): void {
  if (replace) {
    history.replaceState(null, "", target);
    place.value = read(location.hash);
  } else {
    location.hash = target;
  }
}
