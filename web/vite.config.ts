import { defineConfig } from "vite";

// The policy of the server forbids inline script and style, so nothing is inlined and no polyfill is injected.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../dashboard/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    sourcemap: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/api": process.env.LIFELINE_API ?? "http://127.0.0.1:8080" } },
  test: { include: ["test/**/*.unit.ts"] },
} as never);
