// Every page, both themes, two widths: no accessibility violation, no console error, nothing from elsewhere, no break of the
// content policy, no sideways scroll, one h1.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Page, expect, test } from "@playwright/test";
// @ts-expect-error The list is a plain script, which the screenshots use too.
import { answered, places, settled, watch } from "./places.mjs";

const base = process.env.LIFELINE_URL ?? "http://127.0.0.1:8080";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// What a theme can change; every other rule judges the same document twice.
const ofColour = ["color-contrast", "link-in-text-block"];

interface Violation {
  id: string;
  nodes: { target: string[]; failureSummary: string }[];
}

async function violations(page: Page, rules?: string[]): Promise<string[]> {
  // Evaluated through the debugger, so the page's policy stays as it is.
  const list = await page.evaluate(
    (only) =>
      (globalThis as never as { axe: { run(o: object): Promise<{ violations: Violation[] }> } }).axe
        .run({ resultTypes: ["violations"], ...(only ? { runOnly: only } : {}) })
        .then((r) => r.violations.map((v) => ({ id: v.id, nodes: v.nodes }))),
    rules,
  );
  return list.map(
    (v) => `${v.id} ${v.nodes.length}× ${v.nodes[0]!.target.join(" ")} ${v.nodes[0]!.failureSummary.replace(/\s+/g, " ").slice(0, 220)}`,
  );
}

/** Leaves the first rows of long tables and lists: the others are of the same make, and axe takes time for each. */
async function shorten(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const list of document.querySelectorAll("tbody, main ul, .multiples"))
      for (const row of [...list.children].slice(14)) row.remove();
  });
}

for (const width of [1440, 390]) {
  test(`every page, light and dark, ${width} px`, async ({ browser }) => {
    test.setTimeout(400_000);
    const context = await browser.newContext({ colorScheme: "light", viewport: { width, height: 900 }, reducedMotion: "reduce" });
    const page = await context.newPage();
    const found: string[] = await watch(page, base);
    const list = (await places(base)) as [string, string][];
    expect(list.length).toBeGreaterThan(6);
    for (const [name, path] of list) {
      await page.emulateMedia({ colorScheme: "light" });
      await page.goto(base + path);
      await settled(page);
      await answered(page);
      if ((await page.evaluate(() => document.documentElement.scrollWidth)) > width) found.push(`${name}: wider than ${width}`);
      if ((await page.locator("h1").count()) !== 1) found.push(`${name}: not one h1`);
      await shorten(page);
      await page.evaluate(axe);
      for (const v of await violations(page)) found.push(`${name} light: ${v}`);
      await page.emulateMedia({ colorScheme: "dark" });
      for (const v of await violations(page, ofColour)) found.push(`${name} dark: ${v}`);
    }
    expect(found).toEqual([]);
    await context.close();
  });
}
