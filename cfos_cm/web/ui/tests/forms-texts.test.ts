import { readdirSync, readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

type Texts = { [key: string]: string | Texts };

const AREAS = ["forms", "settings", "chargePoints", "security", "accounts", "options"];

function texts(language: string, area: string): Texts {
  const file = new URL(`../src/locales/${language}/${area}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Texts;
}

function keys(of: Texts, above = ""): [string, string][] {
  return Object.entries(of).flatMap(([key, one]): [string, string][] =>
    typeof one === "string" ? [[above + key, one]] : keys(one, `${above}${key}.`),
  );
}

/** The manager's own words serve as English help, so that only some has to be there. */
const isEnglishHelp = (key: string) => key.endsWith(".help");

describe.each(AREAS)("the texts of %s", (area) => {
  const english = new Map(keys(texts("en", area)));

  it.each(["de", "pt"])("are the same ones in %s, with the same values in them", (language) => {
    const other = new Map(keys(texts(language, area)));
    const lacking = [...english.keys()].filter((key) => !other.has(key));
    const more = [...other.keys()].filter((key) => !english.has(key) && !isEnglishHelp(key));
    expect({ lacking, more }).toEqual({ lacking: [], more: [] });
    for (const [key, text] of other) {
      const wanted = english.get(key);
      if (wanted === undefined || area === "forms") continue;
      expect([key, new Set(text.match(/\{\w+\}/g))]).toEqual([
        key,
        new Set(wanted.match(/\{\w+\}/g)),
      ]);
    }
  });
});

describe("the components", () => {
  const source = new URL("../src/", import.meta.url);
  const files = (readdirSync(source, { recursive: true }) as string[]).filter((name) =>
    /^(forms|views\/(settings|charge-points|security|accounts))\/.*\.(vue|ts)$/.test(name),
  );

  it("use only texts that there are", () => {
    const lacking: string[] = [];
    for (const name of files) {
      const text = readFileSync(new URL(name, source), "utf8");
      for (const [, area = "", key = ""] of text.matchAll(
        /\bt\(\s*["'`](forms|settings|chargePoints|security|accounts)\.([\w.-]+)["'`]/g,
      )) {
        if (!keys(texts("en", area)).some(([one]) => one === key)) lacking.push(`${name}: ${area}.${key}`);
      }
    }
    expect(files.length).toBeGreaterThan(30);
    expect(lacking).toEqual([]);
  });
});
