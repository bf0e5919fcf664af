// Draws every page, light and dark, and the first one on a phone: node test/screenshots.mjs FOLDER [NAME...]

import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";
import { places, settled } from "./places.mjs";

const base = process.env.LIFELINE_URL ?? "http://127.0.0.1:8080";
const [folder = "../docs/screenshots", ...only] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.LIFELINE_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const list = (await places(base)).filter(([name]) => only.length === 0 || only.includes(name));
const kinds = [["light", 1440, 900], ["dark", 1440, 900], ["mobile", 390, 844]].filter(([k]) => !process.env.LIFELINE_KIND || process.env.LIFELINE_KIND === k);
for (const [kind, width, height] of kinds) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: kind === "dark" ? "dark" : "light", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (m) => { if (m.type() === "error") console.error(`${kind}: ${m.text()}`); });
  page.on("pageerror", (e) => console.error(`${kind}: ${e}`));
  for (const [name, path] of list) {
    await page.goto(base + path);
    await settled(page).catch(() => console.error(`${name} ${kind}: did not settle`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) console.error(`${name} ${kind}: ${wide} px wide`);
    await page.screenshot({ path: `${folder}/${name}-${kind}.png`, fullPage: !process.env.LIFELINE_FOLD });
  }
  await context.close();
}
await browser.close();
