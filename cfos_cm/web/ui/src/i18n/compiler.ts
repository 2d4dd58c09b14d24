/**
 * Makes a function of a text: `{name}` stands for a value, `{'@'}` for what is in quotation
 * marks, ` | ` parts one from many. vue-i18n has a compiler for more than that, of which the
 * page makes no use; it would be a thirtieth of the page.
 */

import type { MessageContext, MessageFunction } from "vue-i18n";

type Part = string | { name: string };

const made = new Map<string, MessageFunction<string>>();

function parts(text: string): Part[] {
  return text
    .split(/(\{[^{}]*\})/)
    .filter((part) => part !== "")
    .map((part) => {
      const quoted = /^\{\s*'(.*)'\s*\}$/.exec(part);
      if (quoted) return quoted[1] ?? "";
      const named = /^\{\s*(\w+)\s*\}$/.exec(part);
      return named ? { name: named[1]! } : part;
    });
}

function said(text: Part[], context: MessageContext<string>): string {
  return text
    .map((part) => (typeof part === "string" ? part : String(context.named(part.name) ?? "")))
    .join("");
}

function compiled(text: string): MessageFunction<string> {
  // A bar between quotation marks is no separator.
  const cases = text.split(/\s*\|\s*(?!')/).map((one) => parts(one.trim()));
  const [only] = cases;
  if (only && cases.length === 1) {
    const whole = parts(text);
    return (context: MessageContext<string>) => said(whole, context);
  }
  return (context: MessageContext<string>) =>
    context.plural(cases.map((one) => said(one, context))) as string;
}

/** For vue-i18n, as its `messageCompiler`. */
export function compile(message: unknown): MessageFunction<string> {
  const text = String(message);
  let one = made.get(text);
  if (!one) made.set(text, (one = compiled(text)));
  return one;
}
