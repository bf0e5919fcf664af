// Addresses of every page, found from the running server so that they hold for any project.

/** Returns [name, path] of each page and of one thing for each page about a single thing. */
export async function places(base) {
  const get = async (path) => (await (await fetch(base + "/api/v1" + path)).json()).data;
  const meta = await get("/meta");
  const list = [];
  // A year where the data has one: more marks to judge. Two periods are compared, so it needs two.
  const years = (Date.parse(meta.data_through) - Date.parse(meta.data_from)) / (365 * 86_400_000);
  const range = years > 2 ? "?range=365d" : "?range=90d";
  for (const p of meta.pages ?? []) if (!p.entity) list.push([p.name, p.path + range]);
  for (const p of (meta.pages ?? []).filter((x) => x.entity)) {
    const d = await get(`/dimensions/${p.entity}?limit=2`);
    const one = d?.options?.find((o) => o.value !== "is:null");
    if (one) list.push([p.name, `/${p.path.split("/")[1]}/${encodeURIComponent(one.value)}${range}`]);
  }
  for (const r of meta.records ?? []) {
    list.push([r.name, "/" + r.name]);
    const rows = await (await fetch(`${base}/api/v1/tables/${r.table}/rows?limit=3&fields=${r.key}`)).json();
    const i = (rows.data?.columns ?? []).findIndex((c) => c.name === r.key);
    if (rows.data?.rows?.[0]) list.push([r.name + "-record", `/${r.name}/${encodeURIComponent(rows.data.rows[0][Math.max(0, i)])}`]);
  }
  const runs = await get("/runs?limit=1");
  list.push(["runs", "/runs"]);
  if (runs?.runs?.[0]) list.push(["run", runs.runs[0].link]);
  const checks = await get("/checks");
  list.push(["quality", "/quality"]);
  const check = (checks?.checks ?? []).find((c) => c.failing > 0) ?? checks?.checks?.[0];
  if (check) list.push(["check", check.link]);
  list.push(["quarantine", "/quarantine"], ["tables", "/tables"]);
  const table = meta.records?.[0]?.table;
  const facet = (meta.records?.[0]?.columns ?? []).find((c) => c === "status" || c.endsWith("state")) ?? meta.records?.[0]?.key;
  if (table) list.push(["table", "/tables/" + table], ["table-rows", `/tables/${table}?view=rows`], ["lineage", "/lineage?table=" + table]);
  if (table)
    list.push([
      "sql",
      "/sql?q=" + encodeURIComponent(`select ${facet}, count(*) as n\nfrom ${table}\ngroup by ${facet}\norder by n desc`),
    ]);
  return list;
}

/** Waits until a page has its numbers. */
export async function settled(page) {
  await page.waitForSelector("main[aria-busy=false], main:not([aria-busy])");
  await page.waitForFunction(() => !document.querySelector(".skeleton") && !document.querySelector("main.busy"), null, { timeout: 120_000 });
  await page.waitForTimeout(150);
}

/** Presses Run where a statement in the address waits for it. */
export async function answered(page) {
  if (new URL(page.url()).pathname !== "/sql" || !new URL(page.url()).searchParams.get("q")) return;
  await page.getByRole("button", { name: /^Run/ }).click();
  await page.getByRole("region", { name: "Result" }).waitFor();
  await settled(page);
}

/** Collects what a page must never do: errors on the console, requests to elsewhere, breaks of its own content policy. */
export async function watch(page, base) {
  const found = [];
  page.on("console", (m) => {
    if (m.type() === "error") found.push("console: " + m.text());
  });
  page.on("pageerror", (e) => found.push("error: " + e.message));
  page.on("request", (r) => {
    if (!r.url().startsWith(base + "/") && !r.url().startsWith("data:") && !r.url().startsWith("blob:" + base))
      found.push("foreign: " + r.url());
  });
  await page.exposeFunction("policyBroken", (text) => found.push("policy: " + text));
  await page.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (e) => globalThis.policyBroken(`${e.violatedDirective} ${e.blockedURI}`)),
  );
  return found;
}
