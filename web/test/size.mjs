// The first page's script and style, compressed, stay under 60 kB: node test/size.mjs
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const folder = new URL("../../dashboard/dist/assets/", import.meta.url);
const sum = readdirSync(folder)
  .filter((f) => f.startsWith("index-"))
  .reduce((n, f) => n + gzipSync(readFileSync(new URL(f, folder)), { level: 9 }).length, 0);
console.log(`first page: ${(sum / 1000).toFixed(1)} kB compressed`);
if (sum > 60_000) process.exit(1);
