import { beforeAll, describe, expect, it } from "vitest";

import { i18n } from "@/i18n";
import de from "@/i18n/de";
import { duration, since } from "@/i18n/format";

beforeAll(() => {
  i18n.global.setLocaleMessage("de", de);
  i18n.global.locale.value = "de";
});

describe("how long", () => {
  it("is told to the second where it is over", () => {
    expect(duration(0)).toBe("0 s");
    expect(duration(59.9)).toBe("59 s");
    expect(duration(60)).toBe("1 min");
  });

  it("is told in minutes while it goes on: the time is not looked at each second", () => {
    const began = "2026-11-23T12:00:00Z";
    const at = Date.parse(began);
    expect(since(began, at - 12_000)).toBe("< 1 min");
    expect(since(began, at + 59_999)).toBe("< 1 min");
    expect(since(began, at + 60_000)).toBe("1 min");
    expect(since(null, at)).toBe("–");
  });
});
