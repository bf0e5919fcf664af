// The table twin of every chart says what the chart says: each mark, read by the arrow keys, is a row of the table.
import { expect, test } from "@playwright/test";
// @ts-expect-error The list is a plain script, which the screenshots use too.
import { places, settled } from "./places.mjs";

const base = process.env.LIFELINE_URL ?? "http://127.0.0.1:8080";

test("every mark of every chart is a row of its table twin", async ({ page }) => {
  const wrong: string[] = [];
  let charts = 0;
  let marks = 0;
  for (const [name, path] of ((await places(base)) as [string, string][]).filter(([, p]) => p.includes("range="))) {
    await page.goto(base + path);
    await settled(page);
    for (const id of await page.locator(".card", { has: page.locator(".chart") }).evaluateAll((cards) => cards.map((c) => c.id))) {
      const card = page.locator("#" + id);
      // Read as a screen reader hears it; keys are sent inside the page, a chart may have hundreds of marks.
      const said = await card.evaluate(async (el) => {
        const all: string[] = [];
        for (const chart of el.querySelectorAll<HTMLElement>(".chart")) {
          const live = chart.querySelector("[aria-live]")!;
          const n = chart.querySelectorAll(".hit").length;
          for (let i = 0; i < n; i++) {
            chart.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
            for (
              let k = 0;
              k < 200 && (live.textContent === "" || live.textContent === all[all.length - 1]) && k < (i === 0 ? 200 : 20);
              k++
            )
              await new Promise((r) => setTimeout(r, 2));
            all.push(live.textContent ?? "");
          }
        }
        return all;
      });
      await card.getByRole("button", { name: /^Table: / }).press("Enter");
      const rows = await card.locator("tbody tr").evaluateAll((list) => list.map((r) => [...r.children].map((c) => c.textContent!.trim())));
      charts++;
      marks += said.length;
      if (said.length === 0) wrong.push(`${name} ${id}: no mark is read`);
      for (const text of said) {
        const values = text
          .slice(text.indexOf(": ") + 2)
          .split(/, (?=\D)/)
          .map((v) => /((?:[−-]?[\d.,]+ ?(?:%|d|min|h)?)|–)$/.exec(v.trim())?.[1] ?? v);
        if (!rows.some((r) => values.every((v) => r.includes(v.trim()))))
          wrong.push(`${name} ${id}: “${text}” is not a row, such as ${rows[0]?.join(" | ")}`);
      }
    }
  }
  console.log(`${charts} charts, ${marks} marks`);
  expect(charts).toBeGreaterThan(5);
  expect(wrong).toEqual([]);
});
