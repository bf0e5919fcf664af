// Holds src/lib/types.ts to the API: of docs/openapi.json, which is made from the Go types, it writes src/lib/drift.ts with
// the server's types and, for each type that the pages read, a function that only compiles while the server's is good for it.
import { readFileSync, writeFileSync } from "node:fs";

const at = (path) => new URL(path, import.meta.url);
const schemas = JSON.parse(readFileSync(at("../docs/openapi.json"), "utf8")).components.schemas;

/** The TypeScript of a schema. */
function typeOf(s) {
  if (s.$ref) return "Server" + s.$ref.split("/").pop();
  if (s.anyOf) return s.anyOf.map(typeOf).join(" | ");
  switch (s.type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return `(${typeOf(s.items)})[]`;
    case "object":
      return s.properties ? body(s) : `Record<string, ${typeOf(s.additionalProperties ?? {})}>`;
    default:
      return "hand.Value";
  }
}

function body(s) {
  const required = new Set(s.required ?? []);
  return (
    "{ " +
    Object.entries(s.properties)
      .map(([name, p]) => {
        // What may be left out is left out, never sent as null.
        const kept = !required.has(name) && p.anyOf ? { anyOf: p.anyOf.filter((x) => x.type !== "null") } : p;
        return `${JSON.stringify(name)}${required.has(name) ? "" : "?"}: ${typeOf(kept)}`;
      })
      .join("; ") +
    " }"
  );
}

// Names that differ: the pages call the answer to /meta the meta, and the envelope the answer's.
const named = { Meta: "MetaData", AnswerMeta: "Meta", TimeEvent: "Event", Filters: "AppliedFilters" };
const read = [...readFileSync(at("src/lib/types.ts"), "utf8").matchAll(/^export interface (\w+)(?![\w<])/gm)]
  .map((m) => m[1])
  .filter((n) => n !== "Answer");
const missing = read.filter((n) => !schemas[named[n] ?? n]);
if (missing.length) {
  console.error(`The API has no ${missing.join(", ")}; src/lib/types.ts does.`);
  process.exit(1);
}
writeFileSync(
  at("src/lib/drift.ts"),
  [
    "// Written by types.mjs at each build. An error here says that the api_*.go of semantic and dashboard and src/lib/types.ts differ.",
    'import type * as hand from "./types";',
    'import type * as live from "./live";',
    "",
    ...Object.entries(schemas).map(([name, s]) => `export interface Server${name} ${body({ properties: {}, ...s })}`),
    "",
    "export const same = {",
    ...read.map((n) => `  ${n}: (s: Server${named[n] ?? n}): hand.${n} => s,`),
    "  LiveEvent: (s: ServerLiveEvent): live.LiveEvent => s,",
    "};",
    "",
  ].join("\n"),
);
