/** The time, for what is told as "so long": a value that changes four times a minute. */

import { ref } from "vue";

const STEP_MS = 15_000;

export const nowMs = ref(Date.now());
setInterval(() => (nowMs.value = Date.now()), STEP_MS);
