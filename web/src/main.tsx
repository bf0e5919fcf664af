// The pages' entry: read /meta, then draw the page that the address names.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { APIError, follow, refreshMeta } from "./lib/api";
import { meta, place } from "./lib/state";
import type { Problem } from "./lib/types";
import { Page, Shell } from "./parts/shell";
import { FirstRun, Trouble, Waiting } from "./parts/states";
import { Dashboard } from "./pages/dashboard";
import { Records } from "./pages/records";

// Pages that not everybody opens come in files of their own.
const later: Record<string, () => Promise<ComponentType<{ name: string }>>> = {
  record: () => import("./pages/record").then((m) => m.RecordPage),
  runs: () => import("./pages/runs").then((m) => m.Runs),
  run: () => import("./pages/run").then((m) => m.Run),
  quality: () => import("./pages/quality").then((m) => m.Quality),
  check: () => import("./pages/quality").then((m) => m.CheckPage),
  quarantine: () => import("./pages/quarantine").then((m) => m.Quarantine),
  tables: () => import("./pages/tables").then((m) => m.Tables),
  table: () => import("./pages/tables").then((m) => m.Table),
  lineage: () => import("./pages/lineage").then((m) => m.Lineage),
  sql: () => import("./pages/sql").then((m) => m.SQL),
};

function Later({ page, name }: { page: string; name: string }) {
  const [shown, setShown] = useState<{ page: string; part: ComponentType<{ name: string }> } | null>(null);
  const [lost, setLost] = useState(false);
  const load = (): void => {
    setLost(false);
    later[page]!().then(
      (part) => setShown({ page, part }),
      () => setLost(true),
    );
  };
  useEffect(load, [page]);
  if (lost)
    return (
      <Page title="Not loaded">
        <div class="grid">
          <Trouble
            problem={{
              title: "This page's code cannot be loaded",
              status: 0,
              detail: "The server did not answer, or it was replaced by a newer one.",
              hint: "Reload the page.",
              request_id: "",
            }}
            retry={load}
          />
        </div>
      </Page>
    );
  return shown?.page === page ? (
    <shown.part key={name} name={name} />
  ) : (
    <Page title="…">
      <Waiting />
    </Page>
  );
}

function Route() {
  const m = meta.value!;
  const path = place.value.path;
  // Before the first version every page would only say that it has nothing; runs tell of one that failed.
  if (m.state === "empty" && !(path.startsWith("/runs") && m.freshness.last_run > 0))
    return (
      <Page title="Welcome">
        <div class="grid">
          <FirstRun meta={m} />
        </div>
      </Page>
    );
  const parts = path.split("/").filter(Boolean);
  const [head = "", rest = ""] = [parts[0], parts.slice(1).join("/")];
  const page = (m.pages ?? []).find((p) => !p.entity && p.path === path);
  if (page) return <Dashboard key={page.name} page={page} />;
  const entity = (m.pages ?? []).find((p) => p.entity && rest && p.path.split("/")[1] === head);
  if (entity) return <Dashboard key={entity.name + rest} page={entity} value={decodeURIComponent(rest)} />;
  const record = (m.records ?? []).find((r) => r.name === head);
  if (record) return rest ? <Later page="record" name={head + "/" + rest} /> : <Records key={head} info={record} table={record.table} />;
  const fixed: Record<string, [string, string]> = {
    runs: ["runs", "run"],
    quality: ["quality", "check"],
    quarantine: ["quarantine", ""],
    tables: ["tables", "table"],
    lineage: ["lineage", ""],
    sql: ["sql", ""],
  };
  const name = fixed[head]?.[rest ? 1 : 0];
  if (name) return <Later page={name} name={rest} />;
  if (path === "/") return <Later page="tables" name="" />; // A project without pages of its own.
  return (
    <Page title="There is no such page">
      <div class="grid">
        <div class="card w-full empty">
          <p>Nothing is at {path}.</p>
          <a class="button" href="/">
            Go to the first page
          </a>
        </div>
      </div>
    </Page>
  );
}

function App() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = (): void => {
    setProblem(null);
    refreshMeta().then(follow, (e: unknown) =>
      setProblem(
        e instanceof APIError ? e.problem : { title: "The server's answer cannot be read", status: 0, detail: String(e), request_id: "" },
      ),
    );
  };
  useEffect(load, []);
  return (
    <Shell>
      {problem ? (
        <Page title="Lifeline">
          <div class="grid">
            <Trouble problem={problem} retry={load} />
          </div>
        </Page>
      ) : meta.value ? (
        <Route />
      ) : (
        <Page title="…">
          <Waiting />
        </Page>
      )}
    </Shell>
  );
}

render(<App />, document.getElementById("app")!);
