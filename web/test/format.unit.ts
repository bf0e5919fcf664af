import { expect, test } from "vitest";
import { bucket, cell, day, decimal, percent, seconds, short, time } from "../src/lib/format";

test("decimals keep every digit, as no float would", () => {
  expect(decimal("12345678901234567890.1234")).toBe("12,345,678,901,234,567,890.1234");
  expect(decimal("-1234567.5000", 2)).toBe("−1,234,567.50");
  expect(decimal("0.005", 2)).toBe("0.01");
  expect(decimal("-0.0000", 2)).toBe("0.00");
  expect(decimal("999.999", 2)).toBe("1,000.00");
  expect(decimal("7", 2)).toBe("7.00");
  expect(decimal("0.0999", 2)).toBe("0.10");
});

test("rounding agrees with exact integers", () => {
  for (let i = -2000; i <= 2000; i++) {
    const text = (i < 0 ? "-" : "") + (Math.abs(i) / 1000).toFixed(3);
    const cents = Math.floor((Math.abs(i) + 5) / 10);
    const want = (i < 0 && cents > 0 ? "−" : "") + Math.floor(cents / 100) + "." + String(cents % 100).padStart(2, "0");
    expect(decimal(text, 2)).toBe(want);
  }
});

test("short numbers have a letter", () => {
  expect(short(325480000)).toBe("325M");
  expect(short(-75100000)).toBe("−75.1M");
  expect(short(999)).toBe("999");
  expect(short(12_040)).toBe("12k");
  expect(short(0)).toBe("0");
});

test("days, times and spans are read by people", () => {
  expect(day("2026-10-24")).toBe("24 Oct 2026");
  expect(bucket("2026-10-30", "day")).toBe("Friday 30 Oct 2026");
  expect(bucket("2026-10-26", "week")).toBe("Week from 26 Oct 2026");
  expect(time("2026-11-23T03:10:00Z", "Africa/Nairobi")).toBe("23 Nov 2026, 06:10");
  expect(seconds(0.25)).toBe("250 ms");
  expect(seconds(75)).toBe("1 min 15 s");
});

test("a missing value is a dash, not a zero", () => {
  for (const kind of ["count", "money", "percent", "days", "day", "text", "state"]) expect(cell(null, kind)).toBe("–");
  expect(percent("0.879")).toBe("87.9%");
  expect(cell(0, "count")).toBe("0");
});
