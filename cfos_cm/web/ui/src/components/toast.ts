/** Short words at the page's edge about what was just done. */

import { shallowReactive } from "vue";

import { ProblemError } from "@/api/client";
import { sentence } from "@/i18n/sentences";

export interface Toast {
  number: number;
  kind: "good" | "bad" | "info";
  text: string;
}

/** How long each is seen; what went wrong stays until it is put away. */
const SEEN_MS = 6_000;
/** More are not kept: the oldest goes. */
const MOST = 4;

export const toasts = shallowReactive<Toast[]>([]);
let number = 0;

/** Says something. */
export function toast(text: string, kind: Toast["kind"] = "good"): void {
  const said: Toast = { number: (number += 1), kind, text };
  toasts.push(said);
  if (toasts.length > MOST) toasts.shift();
  if (kind !== "bad") setTimeout(() => dismiss(said.number), SEEN_MS);
}

/** Says why something failed, and throws what is no problem of the manager's. */
export function toastProblem(why: unknown): void {
  if (!(why instanceof ProblemError)) throw why;
  toast(sentence(why.detail), "bad");
}

/** Puts one away. */
export function dismiss(which: number): void {
  const at = toasts.findIndex((one) => one.number === which);
  if (at >= 0) toasts.splice(at, 1);
}
