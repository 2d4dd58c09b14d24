/** Light or dark: as the device says, or as the person chose. */

import { ref } from "vue";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = "cfos_cm.theme";

export const theme = ref<Theme>("auto");

/** Takes what was chosen before. */
export function wearTheme(): void {
  try {
    const kept = localStorage.getItem(KEPT) as Theme;
    if (THEMES.includes(kept)) theme.value = kept;
  } catch {
    // A browser that keeps nothing has the theme of its device.
  }
  show();
}

/** Chooses the next one: device, light, dark. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
  try {
    localStorage.setItem(KEPT, theme.value);
  } catch {
    // It lasts until the page is loaded again.
  }
  show();
}

function show(): void {
  document.documentElement.dataset["theme"] = theme.value;
}
