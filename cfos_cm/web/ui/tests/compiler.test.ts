import { describe, expect, it } from "vitest";
import { createI18n } from "vue-i18n";

import { compile } from "@/i18n/compiler";

const { t } = createI18n<false>({
  legacy: false,
  locale: "en",
  messageCompiler: compile,
  messages: {
    en: {
      plain: "No values",
      named: "{h} h {m} min",
      plural: "{n} charge | {n} charges",
      none: "nothing | one | {n}",
      mail: "me{'@'}here",
      bar: "this {'|'} that",
    },
  },
}).global;

describe("texts", () => {
  it("is what it says without values", () => expect(t("plain")).toBe("No values"));
  it("takes values by name", () => expect(t("named", { h: 2, m: "05" })).toBe("2 h 05 min"));
  it("chooses one or many", () => {
    expect(t("plural", 1)).toBe("1 charge");
    expect(t("plural", 4)).toBe("4 charges");
    expect(t("plural", 0)).toBe("0 charges");
  });
  it("chooses none, one or many", () => {
    expect([t("none", 0), t("none", 1), t("none", 7)]).toEqual(["nothing", "one", "7"]);
  });
  it("takes what is quoted as it is", () => {
    expect(t("mail")).toBe("me@here");
    expect(t("bar")).toBe("this | that");
  });
});
