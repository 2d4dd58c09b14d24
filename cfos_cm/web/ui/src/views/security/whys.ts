/** Why somebody was not let in, in the page's language. */

import { t, te } from "@/i18n";
import { sentence } from "@/i18n/sentences";

/** The manager's words; those that are not known stay English. */
export function whyWord(why: string): string {
  const key = `security.whys.${why.toLowerCase().replace(/\W+/g, "_")}`;
  return te(key) ? t(key) : sentence(why);
}
