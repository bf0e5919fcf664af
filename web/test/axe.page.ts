import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "@playwright/test";
// @ts-expect-error The list is a plain script, which the screenshots use too.
import { places, settled } from "./places.mjs";

const base = process.env.LIFELINE_URL ?? "http://127.0.0.1:8080";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

for (const scheme of ["light", "dark"] as const) {
  for (const width of [390, 1440]) {
    test(`every page, ${scheme}, ${width} px: no axe violation, no error, no foreign request, no sideways scroll`, async ({ browser }) => {
      test.setTimeout(300_000);
      const found: string[] = [];
      const page = await (await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, reducedMotion: "reduce", bypassCSP: false })).newPage();
      page.on("console", (m) => { if (m.type() === "error") found.push("console: " + m.text()); });
      page.on("pageerror", (e) => found.push("error: " + e.message));
      page.on("request", (r) => { if (!r.url().startsWith(base) && !r.url().startsWith("data:")) found.push("foreign: " + r.url()); });
      for (const [name, path] of (await places(base)) as [string, string][]) {
        await page.goto(base + path);
        await settled(page);
        // Evaluated through the debugger, so the page's policy stays as it is.
        await page.evaluate(axe);
        const r = await page.evaluate(() => (globalThis as never as { axe: { run(o: object): Promise<{ violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[] }> } }).axe.run({ resultTypes: ["violations"] }));
        for (const v of r.violations) found.push(`${name}: ${v.id} ${v.nodes.length}× ${v.nodes[0]!.target.join(" ")} ${v.nodes[0]!.failureSummary.replace(/\s+/g, " ").slice(0, 220)}`);
        if ((await page.evaluate(() => document.documentElement.scrollWidth)) > width) found.push(`${name}: wider than ${width}`);
        if ((await page.locator("h1").count()) !== 1) found.push(`${name}: not one h1`);
      }
      expect(found).toEqual([]);
    });
  }
}
