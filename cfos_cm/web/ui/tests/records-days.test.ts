import { afterEach, describe, expect, it } from "vitest";

import {
  dayEnd,
  dayStart,
  fromField,
  lastMonths,
  toField,
} from "../src/views/transactions/days";

const before = process.env["TZ"];
afterEach(() => {
  process.env["TZ"] = before;
});

describe("days", () => {
  it("begin and end at midnight of the browser's zone", () => {
    process.env["TZ"] = "Europe/Berlin";
    expect(dayStart("2026-11-23")).toBe("2026-11-22T23:00:00.000Z");
    expect(dayEnd("2026-11-23")).toBe("2026-11-23T23:00:00.000Z");
    process.env["TZ"] = "America/New_York";
    expect(dayStart("2026-11-23")).toBe("2026-11-23T05:00:00.000Z");
  });

  it("are 23 and 25 hours long when the clocks change", () => {
    process.env["TZ"] = "Europe/Lisbon";
    const hours = (day: string) =>
      (Date.parse(dayEnd(day)!) - Date.parse(dayStart(day)!)) / 3_600_000;
    expect(hours("2026-03-29")).toBe(23);
    expect(hours("2026-10-25")).toBe(25);
    expect(hours("2026-12-31")).toBe(24);
  });

  it("are nothing where nothing is chosen", () => {
    expect(dayStart("")).toBeNull();
    expect(dayEnd("soon")).toBeNull();
  });
});

describe("months", () => {
  it("go back over the turn of the year, also from the last day of a long month", () => {
    process.env["TZ"] = "Europe/Berlin";
    expect(lastMonths(4, new Date(2027, 2, 31))).toEqual(["2027-03", "2027-02", "2027-01", "2026-12"]);
  });
});

describe("a field of date and time", () => {
  it("shows the time of the browser and gives it back", () => {
    process.env["TZ"] = "Europe/Berlin";
    expect(toField("2026-07-01T10:05:00Z")).toBe("2026-07-01T12:05");
    expect(fromField("2026-07-01T12:05")).toBe("2026-07-01T10:05:00.000Z");
  });

  it("is empty where there is no end", () => {
    expect(toField(null)).toBe("");
    expect(fromField("")).toBeNull();
  });
});
