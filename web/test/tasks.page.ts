// Five things people do every day, done with the keyboard alone. No test here touches the mouse or focuses by itself:
// every element is reached by Tab or by a documented key.
import { type Page, expect, test } from "@playwright/test";
// @ts-expect-error The list is a plain script, which the screenshots use too.
import { settled } from "./places.mjs";

/** Presses Tab until an element with this accessible name or text has the focus. */
async function tabTo(page: Page, name: RegExp, most = 80): Promise<void> {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const el = document.activeElement;
      return el ? (el.getAttribute("aria-label") ?? "") + " | " + (el.textContent ?? "").trim() : "";
    });
    if (at.split(" | ").some((t) => name.test(t))) return;
  }
  throw new Error(`${name} is not reached in ${most} tabs`);
}

test("task 1: narrow the first page to one program", async ({ page }) => {
  await page.goto("/?range=365d");
  await settled(page);
  const before = await page.locator(".title p b").first().textContent();
  await page.keyboard.press("f");
  await tabTo(page, /^Program/, 12);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Program" }).locator("li").first()).toBeVisible();
  await tabTo(page, /^Only /, 10);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/program=/);
  await expect(page.locator(".title p b").first()).not.toHaveText(before!);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  // The focus is back on the chip, not lost at the top of the page.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("Program");
});

test("task 2: go from a point of a chart to the rows behind it", async ({ page }) => {
  await page.goto("/?range=365d");
  await settled(page);
  await tabTo(page, /Arrow keys read it point by point/, 120);
  await page.keyboard.press("ArrowRight");
  const said = await page.evaluate(() => document.activeElement?.querySelector("[aria-live]")?.textContent);
  expect(said).toMatch(/\d/);
  await page.keyboard.press("Enter");
  await expect(page).not.toHaveURL(/\/\?range=365d$/);
  await settled(page);
  await expect(page.locator("h1")).toBeFocused();
  await expect(page.getByRole("table").first()).toBeVisible();
});

test("task 3: find one claim by its number and read its history", async ({ page, request }) => {
  const record = (await (await request.get("/api/v1/meta")).json()).data.records[0];
  const rows = (await (await request.get(`/api/v1/tables/${record.table}/rows?limit=1&fields=${record.key}`)).json()).data;
  const key = String(rows.rows[0][rows.columns.findIndex((c: { name: string }) => c.name === record.key)]);
  await page.goto("/");
  await settled(page);
  await page.keyboard.press("/");
  await page.keyboard.type(key);
  await expect(page.getByRole("option").first()).toContainText(key);
  await page.keyboard.press("Enter");
  await settled(page);
  await expect(page.locator("h1")).toContainText(key);
  await expect(page.getByRole("heading", { name: /history|happened|when/i }).first()).toBeVisible();
});

test("task 4: learn why a row is quarantined", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  await tabTo(page, /^Quarantine/, 20);
  await page.keyboard.press("Enter");
  await settled(page);
  await expect(page.locator("h1")).toHaveText("Quarantine");
  await tabTo(page, /^The row as it came$/, 120);
  await page.keyboard.press("Enter");
  await expect(page.locator("details[open] dd").first()).toBeVisible();
});

test("task 5: ask a question in SQL and take the answer home as a file", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect(page.locator("h1")).toHaveText("SQL");
  await expect(page.locator("h1")).toBeFocused();
  for (let i = 0; i < 12 && !(await page.evaluate(() => document.activeElement?.tagName === "TEXTAREA")); i++)
    await page.keyboard.press("Tab");
  await page.keyboard.type("select status, count(*) as claims from analytics.dim_claims_lifecycle group by status order by claims desc");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("group", { name: "Result" }).locator("tbody tr").first()).toBeVisible();
  // Escape leaves the editor, so that nobody is caught in it; then back to the top and to the file.
  for (let i = 0; i < 20 && !(await page.evaluate(() => document.activeElement?.textContent?.trim() === "Export")); i++)
    await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  // The panel takes the focus by itself; a person waits until it is there.
  await expect(page.getByRole("dialog", { name: "Export" }).getByRole("button", { name: /^CSV/ })).toBeFocused();
  const [file] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  expect(file.suggestedFilename()).toMatch(/\.csv$/);
});
