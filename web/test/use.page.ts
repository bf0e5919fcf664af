import { expect, test } from "@playwright/test";
// @ts-expect-error The list is a plain script, which the screenshots use too.
import { settled } from "./places.mjs";

test("a filter goes into the address, and back takes it away", async ({ page }) => {
  await page.goto("/?range=365d");
  await settled(page);
  const count = page.locator(".title p b").first();
  const before = await count.textContent();
  await page.locator(".filters").getByRole("button", { name: /^Program/ }).click();
  await page.getByRole("button", { name: /^Only / }).first().click();
  await expect(page).toHaveURL(/program=/);
  await expect(count).not.toHaveText(before!);
  await page.goBack();
  await expect(page).not.toHaveURL(/program=/);
  await expect(count).toHaveText(before!);
});

test("a number leads to as many rows as it says", async ({ page }) => {
  await page.goto("/?range=365d");
  await settled(page);
  const count = page.locator(".title p b").first();
  const said = await count.textContent();
  await count.click();
  await settled(page);
  await expect(page.locator(".title p b").first()).toHaveText(said!);
});

test("a chart is read and followed by keys alone, and its table says the same", async ({ page }) => {
  await page.goto("/?range=365d");
  await settled(page);
  const id = await page.locator(".card", { has: page.locator(".chart") }).first().getAttribute("id");
  const card = page.locator("#" + id);
  await card.locator(".chart").focus();
  await page.keyboard.press("ArrowRight");
  const text = (await card.locator(".tip em").first().textContent())!.replace(/^[A-Z]{3} /, "");
  await card.getByRole("button", { name: /^Table: / }).press("Enter");
  await expect(card.locator("tbody tr").first()).toContainText(text);
  await card.getByRole("button", { name: /^Chart: / }).press("Enter");
  await card.locator(".chart").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(page).not.toHaveURL(/\/\?range=365d$/);
});

test("a name that nobody knows is noticed, not swallowed", async ({ page }) => {
  await page.goto("/?nonsense=1");
  await settled(page);
  await expect(page.locator(".notice").filter({ hasText: "nonsense" })).toBeVisible();
});

test("a server that goes away is told of, and its return is noticed", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  await page.route("**/api/v1/**", (r) => r.abort());
  await page.getByRole("link", { name: "Data quality" }).first().click();
  await expect(page.getByRole("alert").first()).toContainText("cannot be reached");
  await page.unroute("**/api/v1/**");
  await expect(page.getByRole("heading", { name: "Where is it weak?" })).toBeVisible({ timeout: 15_000 });
});

test("the theme is kept and can be switched", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  await page.getByRole("button", { name: "Dark theme" }).click();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});
