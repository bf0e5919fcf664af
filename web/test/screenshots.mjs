// Draws every page light, and the first one dark and on a phone: node test/screenshots.mjs FOLDER [NAME...]
// LIFELINE_KIND=light|dark|mobile draws only that kind, and of every page; LIFELINE_FULL=1 the whole length of each.

import { mkdir, stat } from "node:fs/promises";
import { chromium } from "playwright-core";
import { answered, places, settled } from "./places.mjs";

const base = process.env.LIFELINE_URL ?? "http://127.0.0.1:8080";
const [folder = "../docs/screenshots", ...only] = process.argv.slice(2);
const full = !!process.env.LIFELINE_FULL;
const kind = process.env.LIFELINE_KIND;
const most = 250_000;
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.LIFELINE_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const list = (await places(base)).filter(([name]) => only.length === 0 || only.includes(name));
let wrong = 0;
const complain = (text) => {
  wrong++;
  console.error(text);
};
for (const [theme, width, height] of [
  ["light", 1440, 900],
  ["dark", 1440, 900],
  ["mobile", 390, 844],
].filter(([k]) => !kind || k === kind)) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme === "dark" ? "dark" : "light",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.on("console", (m) => {
    if (m.type() === "error") complain(`${theme}: ${m.text()}`);
  });
  page.on("pageerror", (e) => complain(`${theme}: ${e}`));
  for (const [name, path] of list) {
    const first = name === list[0][0];
    if (!kind && theme !== "light" && !first) continue;
    await page.goto(base + path);
    await settled(page).catch(() => complain(`${name} ${theme}: did not settle`));
    await answered(page).catch(() => complain(`${name} ${theme}: no answer`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) complain(`${name} ${theme}: ${wide} px wide`);
    const file = `${folder}/${name}-${theme}.png`;
    await page.screenshot({ path: file, fullPage: full });
    const size = (await stat(file)).size;
    if (!full && size > most) complain(`${name} ${theme}: ${size} bytes`);
  }
  await context.close();
}
await browser.close();
process.exit(wrong ? 1 : 0);
