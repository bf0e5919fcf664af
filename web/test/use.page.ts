import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";
// @ts-expect-error The list is a plain script, which the screenshots use too.
import { settled } from "./places.mjs";

test("a filter goes into the address, and back takes it away", async ({ page }) => {
  await page.goto("/?range=365d");
  await settled(page);
  const count = page.locator(".title p b").first();
  const before = await count.textContent();
  await page
    .locator(".filters")
    .getByRole("button", { name: /^Program/ })
    .click();
  await page
    .getByRole("button", { name: /^Only / })
    .first()
    .click();
  await expect(page).toHaveURL(/program=/);
  await expect(count).not.toHaveText(before!);
  await page.goBack();
  await expect(page).not.toHaveURL(/program=/);
  await expect(count).toHaveText(before!);
});

test("a card without rows says why, once", async ({ page }) => {
  await page.goto("/?from=1990-01-01&to=1990-01-31");
  await settled(page);
  const bodies = page.locator(".card > .body");
  const empty = await bodies.evaluateAll((all) =>
    all.filter((b) => !b.childElementCount).map((b) => [b.textContent, b.parentElement?.querySelector(".answer")?.textContent]),
  );
  expect(empty.length).toBeGreaterThan(0);
  for (const [body, answer] of empty) {
    expect(body).toBe("");
    expect(answer).not.toBe("");
  }
  await expect(page.getByText("Nothing to show")).toHaveCount(0);
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
  const id = await page
    .locator(".card", { has: page.locator(".chart") })
    .first()
    .getAttribute("id");
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
  await expect(page.getByRole("heading", { name: "Where is it weak?" })).toBeVisible();
});

test("the theme is kept and can be switched", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  await page.getByRole("button", { name: "Dark theme" }).click();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("a chart is saved as a picture of itself", async ({ page }) => {
  await page.goto("/?range=365d");
  await settled(page);
  const card = page.locator(".card", { has: page.locator(".chart") }).first();
  await card.getByRole("button", { name: /^More about/ }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), card.getByRole("button", { name: "PNG of the chart" }).click()]);
  expect(file.suggestedFilename()).toMatch(/^overview-.+\.png$/);
  const bytes = readFileSync((await file.path())!);
  expect(bytes.subarray(1, 4).toString()).toBe("PNG");
  const box = (await card.boundingBox())!;
  expect(bytes.readUInt32BE(16)).toBeGreaterThan(box.width * 1.5);
  // More than an empty ground: it is drawn again and its colours are counted.
  const colours = await page.evaluate(
    async (data) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(data)], { type: "image/png" }));
      const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
      const pen = canvas.getContext("2d")!;
      pen.drawImage(image, 0, 0);
      const seen = new Set<number>();
      new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer).forEach((c) => seen.add(c));
      return seen.size;
    },
    [...bytes],
  );
  expect(colours).toBeGreaterThan(20);
});

test("columns are chosen by name, and stay in the address", async ({ page }) => {
  await page.goto("/claims");
  await settled(page);
  await page.getByRole("button", { name: "Columns" }).click();
  const form = page.getByRole("dialog", { name: "Columns" });
  await form.getByLabel("Treatment dim_treatment_id").check();
  await form.getByLabel("Type type").uncheck();
  await form.getByRole("button", { name: "Show these" }).click();
  await expect(page).toHaveURL(/fields=.*dim_treatment_id/);
  await expect(page.getByRole("columnheader", { name: "Treatment" })).toBeVisible();
  await expect(page.getByRole("columnheader", { name: "Type" })).toHaveCount(0);
});

test("a statement asks for its values, and its answer can be drawn", async ({ page }) => {
  await page.goto("/sql");
  await settled(page);
  await page
    .getByLabel("SQL", { exact: true })
    .fill("select status, count(*) as claims from analytics.dim_claims_lifecycle where amount >= :least group by status order by status");
  await page.getByLabel("least").fill("100");
  await page.getByRole("button", { name: /^Run/ }).click();
  await expect(page).toHaveURL(/p\.least=100/);
  const rows = page.getByRole("region", { name: "Result" }).locator("tbody tr");
  await expect(rows.first()).toBeVisible();
  const first = await rows.first().textContent();
  // A statement in an address is shown, and runs when the person says so.
  const ran: string[] = [];
  page.on("request", (r) => {
    if (r.url().includes("/api/v1/sql")) ran.push(r.method());
  });
  await page.reload();
  await settled(page);
  await expect(page.getByLabel("SQL", { exact: true })).toHaveValue(/amount >= :least/);
  await expect(page.getByLabel("least")).toHaveValue("100");
  await expect(rows).toHaveCount(0);
  expect(ran).toEqual([]);
  await page.getByRole("button", { name: /^Run/ }).click();
  await expect(rows.first()).toHaveText(first!);
  expect(ran).toEqual(["POST"]);
  await page.getByRole("button", { name: "Chart of the result" }).click();
  await expect(page.getByRole("region", { name: "Result" }).locator("td.bar").first()).toBeVisible();
});
