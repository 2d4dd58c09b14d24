/** Which EVSEs are shown, in which order and how: kept in the browser. */

import { computed, reactive, shallowRef, toRaw, watch, type ComputedRef } from "vue";

import type { Evse } from "@/api/types";
import { live } from "@/live/live";

import { drawnMa, groupOf, GROUPS, type Group } from "./words";

export const SORTS = ["name", "power", "priority", "started"] as const;
export type Sort = (typeof SORTS)[number];

/** EVSEs are looked at so often; each tile follows its EVSE at once. */
const LOOK_MS = 2_000;
const KEPT = "cfos_cm.dashboard";

/** EVSEs under one heading; null: under none. */
export interface Section {
  circuit: string | null;
  names: string[];
}

export const choice = reactive({
  text: "",
  group: "all" as Group | "all",
  sort: "name" as Sort,
  byCircuit: false,
  mode: "tiles" as "tiles" | "table",
});

try {
  const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<typeof choice>;
  if (kept.sort && SORTS.includes(kept.sort)) choice.sort = kept.sort;
  if (kept.mode === "table") choice.mode = "table";
  choice.byCircuit = kept.byCircuit === true;
} catch {
  // It begins as it is shown to who comes for the first time.
}

watch(
  () => [choice.sort, choice.mode, choice.byCircuit] as const,
  ([sort, mode, byCircuit]) => {
    try {
      localStorage.setItem(KEPT, JSON.stringify({ sort, mode, byCircuit }));
    } catch {
      // Not kept: it is as before the next time.
    }
  },
);

const look = shallowRef(0);
setInterval(() => document.hidden || (look.value += 1), LOOK_MS);

/** All EVSEs as they are, without being called at each change of one. */
function all(): Evse[] {
  const evses = toRaw(live.evses);
  return live.names.value.map((name) => evses.get(name)).filter((one) => one !== undefined).map(toRaw);
}

const SORTED: Record<Sort, (a: Evse, b: Evse) => number> = {
  name: byName,
  power: (a, b) => (b.power_w ?? drawnMa(b) ?? -1) - (a.power_w ?? drawnMa(a) ?? -1),
  priority: (a, b) => (a.priority ?? 99) - (b.priority ?? 99),
  started: (a, b) =>
    (b.transaction?.started_at ?? "").localeCompare(a.transaction?.started_at ?? ""),
};

function byName(a: Evse, b: Evse): number {
  return a.name.localeCompare(b.name, undefined, { numeric: true });
}

function reads(evse: Evse, text: string): boolean {
  const device = evse.identity;
  return [
    evse.name,
    evse.circuit,
    evse.address,
    evse.transaction?.id_tag,
    device?.vendor,
    device?.model,
    device?.serial_number,
  ].some((one) => one?.toLowerCase().includes(text));
}

/** How many EVSEs are in each group. */
export const counts: ComputedRef<Record<Group | "all", number>> = computed(() => {
  void look.value;
  const found = { all: 0, charging: 0, waiting: 0, free: 0, trouble: 0 };
  for (const evse of all()) {
    found.all += 1;
    found[groupOf(evse)] += 1;
  }
  return found;
});

let before: Section[] = [];

/** What is shown; the same object as before while nothing changes its order. */
export const sections: ComputedRef<Section[]> = computed(() => {
  void look.value;
  const text = choice.text.trim().toLowerCase();
  const chosen = all()
    .filter((evse) => choice.group === "all" || groupOf(evse) === choice.group)
    .filter((evse) => text === "" || reads(evse, text))
    .sort((a, b) => SORTED[choice.sort](a, b) || byName(a, b));
  const found = choice.byCircuit ? grouped(chosen) : [{ circuit: null, names: names(chosen) }];
  if (JSON.stringify(found) !== JSON.stringify(before)) before = found;
  return before;
});

function names(evses: Evse[]): string[] {
  return evses.map((evse) => evse.name);
}

function grouped(evses: Evse[]): Section[] {
  const found = new Map<string, string[]>();
  for (const evse of evses) {
    const circuit = evse.circuit ?? "";
    found.set(circuit, [...(found.get(circuit) ?? []), evse.name]);
  }
  return [...found].map(([circuit, names]) => ({ circuit, names })).sort(byCircuit);
}

function byCircuit(a: Section, b: Section): number {
  return (a.circuit ?? "").localeCompare(b.circuit ?? "", undefined, { numeric: true });
}

/** So many tiles are made for the first picture, and for each one after it. */
const AT_ONCE = 24;
const most = shallowRef(AT_ONCE);

/** What there is a place for by now: a long list is not made in one go. */
export const shown: ComputedRef<Section[]> = computed(() => {
  let left = most.value;
  const found: Section[] = [];
  for (const section of sections.value) {
    if (left <= 0) break;
    found.push({ ...section, names: section.names.slice(0, left) });
    left -= section.names.length;
  }
  return found;
});

/** Begins with the first tiles again. */
export function fold(): void {
  most.value = AT_ONCE;
}

/** Goes on, picture by picture, until there is a place for all. */
export function unfold(): void {
  if (most.value >= live.names.value.length) return;
  requestAnimationFrame(() => {
    most.value += AT_ONCE;
    unfold();
  });
}

export { GROUPS };
