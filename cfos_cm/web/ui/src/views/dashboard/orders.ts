/** What an operator can order of an EVSE. */

import { api, path } from "@/api/client";
import type { Evse, Outcome } from "@/api/types";
import { toast, toastProblem } from "@/components/toast";
import { sentence } from "@/i18n/sentences";

export type Verb = "start" | "stop" | "pause" | "resume" | "limit" | "clear-profiles";

/** Orders it, and says what came of it; false: it failed. */
export async function order(evse: Evse, verb: Verb, body: object = {}): Promise<boolean> {
  try {
    const done = await api.post<Outcome>(path`evses/${evse.name}/${verb}`, body);
    const isRefused = /^(Rejected|Unknown|NotSupported)/.test(done.status);
    const kind = isRefused ? "bad" : done.status === "Accepted" ? "good" : "info";
    const text = done.text ? sentence(done.text) : done.status;
    toast(text.includes(evse.name) ? text : `${evse.name}: ${text}`, kind);
    return !isRefused;
  } catch (why) {
    toastProblem(why);
    return false;
  }
}
