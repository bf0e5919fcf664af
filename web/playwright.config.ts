import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "test",
  testMatch: "**/*.page.ts",
  workers: 2,
  fullyParallel: true,
  timeout: 300_000, // A busy machine is slow, not wrong.
  expect: { timeout: 60_000 },
  forbidOnly: true,
  retries: process.env.CI ? 1 : 0,
  reporter: "line",
  use: {
    baseURL: process.env.LIFELINE_URL ?? "http://127.0.0.1:8080",
    launchOptions: { executablePath: process.env.LIFELINE_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] },
  },
});
