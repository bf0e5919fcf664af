// What the pages promise about themselves: text from data is text, the address is the whole state, no network is needed after the load.
import { expect, test } from "@playwright/test";
// @ts-expect-error The list is a plain script, which the screenshots use too.
import { settled, watch } from "./places.mjs";

const base = process.env.LIFELINE_URL ?? "http://127.0.0.1:8080";
const evil = "<img src=x onerror=alert(1)>";

test("a status that is markup renders as text, in lists, pills, filters and charts", async ({ page }) => {
  const found: string[] = await watch(page, base);
  let alerted = false;
  page.on("dialog", (d) => {
    alerted = true;
    void d.dismiss();
  });
  await page.route("**/api/v1/**", async (route) => {
    // The description of the project keeps its names: this status is one that nobody declared.
    if (/\/(events|meta)$/.test(route.request().url())) return route.continue();
    const r = await route.fetch();
    return route.fulfill({ response: r, body: (await r.text()).replaceAll('"rejected"', JSON.stringify(evil)) });
  });
  for (const path of ["/", "/claims?status=rejected", "/claims?status=" + encodeURIComponent(evil)]) {
    await page.goto(path);
    await settled(page);
    expect(await page.locator("main img, main script, .filters img").count()).toBe(0);
  }
  await page.goto("/claims?status=rejected");
  await settled(page);
  await expect(page.locator("td .pill").filter({ hasText: evil }).first()).toBeVisible();
  expect(alerted).toBe(false);
  expect(found).toEqual([]);
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

test("state to address to state is the identity: a second browser shows the same", async ({ page, browser }) => {
  const other = await (await browser.newContext()).newPage();
  const seen = async (p: typeof page): Promise<string[]> => {
    await settled(p);
    return [
      await p.locator(".title p").innerText(),
      ...(await p.locator(".filters button").allInnerTexts()),
      ...(await p.locator(".tile .figure").allInnerTexts()),
    ];
  };
  const meta = (await (await page.request.get("/api/v1/meta")).json()).data;
  const filters: Record<string, string[]> = {};
  for (const name of ["program", "provider", "type", "status"].filter((n) => meta.filters.some((f: { name: string }) => f.name === n))) {
    const d = (await (await page.request.get(`/api/v1/dimensions/${name}?range=all&limit=6`)).json()).data;
    filters[name] = d.options.map((o: { value: string }) => o.value);
  }
  let seed = 11;
  const next = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < 8; i++) {
    const pairs: [string, string][] = [
      [
        ["range", "365d"],
        ["range", "all"],
        ["from", "2019-03-01"],
      ][next(3)] as [string, string],
    ];
    if (next(2)) pairs.push(["basis", meta.bases[next(meta.bases.length)].name]);
    if (next(3) === 0) pairs.push(["vs", "none"]);
    for (const [name, values] of Object.entries(filters))
      if (next(3) === 0) pairs.push([name + (next(4) === 0 ? "!" : ""), values[next(values.length)]!]);
    await page.goto("/?" + pairs.map(([n, v]) => encodeURIComponent(n) + "=" + encodeURIComponent(v)).join("&"));
    const here = await seen(page);
    // The address that the pages write themselves, found in the navigation.
    const written = (await page.locator('nav a[aria-current="page"]').first().getAttribute("href"))!;
    expect(written.length).toBeLessThan(300);
    await other.goto(base + written);
    expect(await seen(other)).toEqual(here);
    expect(await other.locator('nav a[aria-current="page"]').first().getAttribute("href")).toBe(written);
  }
});

test("what was loaded stays usable without a network", async ({ page, context }) => {
  const errors: string[] = [];
  page.on("pageerror", (e) => errors.push(e.message));
  await page.goto("/?range=365d");
  await settled(page);
  await page.getByRole("link", { name: "Providers", exact: true }).click();
  await settled(page);
  await context.setOffline(true);
  // Sorting, table twins, tooltips and going back to a page seen before ask nobody.
  const id = await page
    .locator(".card", { has: page.getByRole("button", { name: /^Table: / }) })
    .first()
    .getAttribute("id");
  const card = page.locator("#" + id);
  await card.getByRole("button", { name: /^Table: / }).click();
  await expect(card.locator("tbody tr").first()).toBeVisible();
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  await expect(page.locator(".tile .figure").first()).toBeVisible();
  await expect(page.getByRole("alert").first()).toContainText("cannot be reached");
  await context.setOffline(false);
  await expect(page.getByRole("alert")).toHaveCount(0);
  expect(errors).toEqual([]);
});
