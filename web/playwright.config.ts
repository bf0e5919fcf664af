import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "test",
  testMatch: "**/*.page.ts",
  workers: 1,
  timeout: 60_000,
  reporter: "line",
  use: {
    baseURL: process.env.LIFELINE_URL ?? "http://127.0.0.1:8080",
    launchOptions: { executablePath: process.env.LIFELINE_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] },
  },
});
