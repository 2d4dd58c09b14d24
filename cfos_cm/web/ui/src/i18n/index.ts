/** The languages of the page: one chunk each, of one file per area (`src/locales/de/shell.json`). */

import { createI18n } from "vue-i18n";

import { compile } from "./compiler";

export const LANGUAGES = ["en", "de", "pt"] as const;
export type Language = (typeof LANGUAGES)[number];

/** How each language calls itself. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: "English",
  de: "Deutsch",
  pt: "Português",
};

/** What numbers and times are written by. */
const WRITTEN_AS: Record<Language, string> = { en: "en-GB", de: "de-DE", pt: "pt-PT" };

/** Texts by keys, nested. */
export interface Messages {
  [key: string]: string | Messages;
}
const LOADERS: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import("./en"),
  de: () => import("./de"),
  pt: () => import("./pt"),
};

const KEPT = "cfos_cm.language";

export const i18n = createI18n<false>({
  legacy: false,
  locale: "en",
  fallbackLocale: "en",
  missingWarn: import.meta.env.DEV,
  fallbackWarn: false,
  messageCompiler: compile,
  messages: {},
});

/** Translates outside of a component. */
export const t = i18n.global.t;

/** Whether there is such a text in a language, by itself the one now. */
export function te(key: string, locale: string = i18n.global.locale.value): boolean {
  return key in i18n.global.getLocaleMessage(locale);
}

/** The language now. */
export function language(): Language {
  return i18n.global.locale.value as Language;
}

/** What Intl is asked with. */
export function writtenAs(): string {
  return WRITTEN_AS[language()];
}

/** What the person wants: kept from before, else of the browser, else English. */
export function wantedLanguage(): Language {
  const wanted = [kept(), ...navigator.languages.map((one) => one.slice(0, 2).toLowerCase())];
  return LANGUAGES.find((one) => wanted.find((other) => isLanguage(other)) === one) ?? "en";
}

function isLanguage(text: string | null): text is Language {
  return LANGUAGES.includes(text as Language);
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** Loads a language and shows the page in it; C{keep}: from now on. */
export async function speak(wanted: Language, keep = false): Promise<void> {
  if (!i18n.global.availableLocales.includes(wanted)) {
    i18n.global.setLocaleMessage(wanted, (await LOADERS[wanted]()).default);
  }
  i18n.global.locale.value = wanted;
  document.documentElement.lang = WRITTEN_AS[wanted];
  if (!keep) return;
  try {
    localStorage.setItem(KEPT, wanted);
  } catch {
    // A browser that keeps nothing shows its own language again.
  }
}
