// Tables: what is in here, and can I use it? One table has its columns, rows, checks and SQL.

import { useState } from "preact/hooks";
import type { ColumnProfile, TableData, TableInfo } from "../lib/types";
import { useAnswer } from "../lib/api";
import { meta, param, place, set } from "../lib/state";
import { format } from "../lib/url";
import { decimal, percent, plural, time } from "../lib/format";
import { Code, Grid, show } from "../parts/cells";
import { Icon } from "../parts/icon";
import { FilterBar } from "../parts/filters";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";
import { CheckTable } from "./quality";
import { RowList, useRows } from "./records";

export function Tables() {
  const { answer, problem, busy, retry } = useAnswer<TableInfo[]>("/tables");
  const [q, setQ] = useState(param("q"));
  const list = (answer?.data ?? []).filter((t) =>
    (t.name + " " + t.description + " " + (t.tags ?? []).join(" ")).toLowerCase().includes(q.toLowerCase()),
  );
  const schemas = [...new Set(list.map((t) => t.schema))];
  return (
    <Page
      title="Tables"
      busy={busy}
      count={
        answer && (
          <>
            <b>{list.length}</b> tables and views in {plural(schemas.length, "schema")}
          </>
        )
      }
      filters={
        <div class="filters">
          <input
            type="search"
            class="find"
            placeholder="Find by name or description"
            aria-label="Find by name or description"
            value={q}
            onInput={(e) => {
              setQ(e.currentTarget.value);
              set({ q: e.currentTarget.value }, { replace: true });
            }}
          />
        </div>
      }
    >
      {problem && (
        <div class="grid">
          <Trouble problem={problem} retry={retry} />
        </div>
      )}
      {!answer && !problem && <Waiting />}
      <div class="grid">
        {schemas.map((s) => (
          <section key={s} class="card w-full list" aria-label={s}>
            <header>
              <div>
                <h2>{s}</h2>
              </div>
            </header>
            <Grid
              label={"Tables of " + s}
              heads={[
                { name: "n", label: "Table" },
                { name: "d", label: "What a row is", low: true },
                { name: "r", label: "Rows", n: true },
                { name: "c", label: "Columns", n: true, low: true },
                { name: "w", label: "Newest", low: true },
                { name: "k", label: "Checks" },
              ]}
            >
              {list
                .filter((t) => t.schema === s)
                .map((t) => (
                  <tr key={t.name}>
                    <td>
                      <a href={t.link}>{t.name.slice(s.length + 1)}</a>
                      {t.kind === "view" && <small>view</small>}
                    </td>
                    <td class="low wrap">{t.description || <span class="quiet">not described</span>}</td>
                    <td class="n">{t.rows < 0 ? "–" : decimal(String(t.rows))}</td>
                    <td class="n low">{t.columns}</td>
                    <td class="low">{t.newest ? time(t.newest, meta.value?.time_zone ?? "UTC") : "–"}</td>
                    <td>
                      <Checks t={t} />
                    </td>
                  </tr>
                ))}
            </Grid>
          </section>
        ))}
      </div>
    </Page>
  );
}

function Checks({ t }: { t: TableInfo }) {
  const { passed, warned, failed } = t.checks;
  if (!passed && !warned && !failed) return <span class="quiet">none</span>;
  return (
    <a href={"/quality?table=" + encodeURIComponent(t.name)}>
      {failed ? (
        <span class="tone-text-bad">{failed} failed</span>
      ) : warned ? (
        <span class="tone-text-warn">{warned} warned</span>
      ) : (
        <span class="tone-text-good">{passed} passed</span>
      )}
    </a>
  );
}

const tabs = ["columns", "rows", "checks", "lineage", "sql"];

export function Table({ name }: { name: string }) {
  const view = param("view") || "columns";
  const { answer, problem, busy, retry } = useAnswer<TableData>("/tables/" + encodeURIComponent(name), view !== "rows");
  const rows = useRows(name, undefined, view === "rows");
  const d = answer?.data;
  return (
    <Page
      title={name}
      crumbs={[["Tables", "/tables"]]}
      busy={busy || rows.busy}
      exports={view === "rows" ? rows.data?.exports : undefined}
      count={
        d && (
          <>
            <b>{decimal(String(view === "rows" && rows.data ? rows.total : d.rows))}</b> rows · {plural(d.columns, "column")} · {d.kind}
          </>
        )
      }
      filters={view === "rows" ? <FilterBar rows names={null} money={(d?.profile ?? []).some((c) => c.format === "money")} /> : undefined}
    >
      {problem && (
        <div class="grid">
          <Trouble problem={problem} retry={retry} />
        </div>
      )}
      {!d && !problem && <Waiting />}
      {d && (
        <>
          {d.description && <p class="lead">{d.description}</p>}
          <nav class="tabs" aria-label="Parts of the table">
            {tabs
              .filter((t) => t !== "sql" || d.sql)
              .map((t) => (
                <a
                  key={t}
                  href={t === "lineage" ? "/lineage?table=" + name : place.value.path + format([["view", t === "columns" ? "" : t]])}
                  aria-current={t === view ? "page" : undefined}
                >
                  {t === "sql" ? "SQL" : t[0]!.toUpperCase() + t.slice(1)}
                </a>
              ))}
          </nav>
          <div class="grid">
            {view === "columns" && <Columns d={d} />}
            {view === "rows" && <RowList {...rows} />}
            {view === "checks" && (
              <section class="card w-full list" aria-label="Checks">
                {(d.tests ?? []).length ? <CheckTable checks={d.tests!} /> : <p class="nothing">No check is about this table.</p>}
              </section>
            )}
            {view === "sql" && d.sql && (
              <section class="card w-full" aria-label="SQL">
                <header>
                  <div>
                    <h2>How is it made?</h2>
                  </div>
                </header>
                <Code text={d.sql} language="SQL" />
              </section>
            )}
          </div>
        </>
      )}
    </Page>
  );
}

function Columns({ d }: { d: TableData }) {
  return (
    <>
      <section class="card w-full list" aria-labelledby="columns">
        <header>
          <div>
            <h2 id="columns">What is in here?</h2>
            <p class="answer">
              {d.key ? (
                <>
                  A row is told from others by <b>{d.key}</b>.
                </>
              ) : (
                "No key is declared."
              )}
            </p>
          </div>
        </header>
        <Grid
          label="Columns"
          heads={[
            { name: "c", label: "Column" },
            { name: "t", label: "Type", low: true },
            { name: "n", label: "Missing", n: true },
            { name: "d", label: "Distinct", n: true },
            { name: "m", label: "From – to", low: true },
            { name: "v", label: "Most frequent" },
          ]}
        >
          {(d.profile ?? []).map((c) => (
            <tr key={c.name}>
              <td class="wrap">
                <b>{c.name}</b>
                {c.description && <small>{c.description}</small>}
              </td>
              <td class="low">{c.type.toLowerCase()}</td>
              <td class="n">
                {c.nulls > 0 ? (
                  <a href={`/tables/${d.name}?view=rows&${c.name}=is:null`}>{percent(c.nulls / Math.max(1, d.rows))}</a>
                ) : (
                  "0%"
                )}
              </td>
              <td class="n">{decimal(String(c.distinct))}</td>
              <td class="low">{c.min === null ? "–" : `${show(c.min, c.format)} – ${show(c.max, c.format)}`}</td>
              <td>
                <Top c={c} d={d} />
              </td>
            </tr>
          ))}
        </Grid>
      </section>
      <section class="card w-half" aria-labelledby="from">
        <header>
          <div>
            <h2 id="from">What does it read?</h2>
          </div>
        </header>
        <Names list={d.upstream} />
      </section>
      <section class="card w-half" aria-labelledby="to">
        <header>
          <div>
            <h2 id="to">What reads it?</h2>
          </div>
        </header>
        <Names list={d.downstream} />
        {(d.usage ?? []).length > 0 && <p class="note">Cards: {d.usage!.join(", ")}</p>}
      </section>
    </>
  );
}

function Names({ list }: { list: string[] | null }) {
  return (list ?? []).length ? (
    <ul class="names">
      {list!.map((n) => (
        <li key={n}>{/\./.test(n) ? <a href={"/tables/" + n}>{n}</a> : n}</li>
      ))}
    </ul>
  ) : (
    <p class="nothing">Nothing.</p>
  );
}

function Top({ c, d }: { c: ColumnProfile; d: TableData }) {
  return (
    <ul class="top">
      {(c.top ?? []).slice(0, 4).map((o) => (
        <li key={o.value}>
          <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class="fill-accent" width={Math.max(1, (o.rows / Math.max(1, d.rows)) * 100)} height={8} rx={1} />
          </svg>
          <a href={`/tables/${d.name}?view=rows&${encodeURIComponent(c.name)}=${encodeURIComponent(o.value).replace("%3A", ":")}`}>
            {o.label || o.value}
          </a>{" "}
          <span class="quiet">{decimal(String(o.rows))}</span>
        </li>
      ))}
      {(c.top ?? []).length === 0 && <Icon name="dash" />}
    </ul>
  );
}
