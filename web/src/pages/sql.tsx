// The question nobody built a page for: one select, in a sandbox, with its result as a table and as a file. A statement in the page's
// address is shown; it runs when the person presses Run, and never because somebody's link was opened.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Card, Problem, SQLData, TableInfo } from "../lib/types";
import { APIError, ask, save, useAnswer } from "../lib/api";
import { may, meta, param, place, set } from "../lib/state";
import { decimal, numeric, seconds } from "../lib/format";
import { namesIn } from "../lib/named";
import { Bars } from "../charts/bars";
import { Columns, Legend } from "../charts/columns";
import { Rows } from "../parts/cells";
import { Icon } from "../parts/icon";
import { Page } from "../parts/shell";
import { Trouble } from "../parts/states";

export function SQL() {
  const asked = param("q");
  const [text, setText] = useState(asked);
  const [result, setResult] = useState<SQLData | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const tables = useAnswer<TableInfo[]>("/tables");
  const stop = useRef<AbortController | null>(null);
  const area = useRef<HTMLTextAreaElement | null>(null);
  const list = tables.answer?.data ?? [];
  const examples = meta.value?.examples ?? [];
  const given = Object.fromEntries(place.value.pairs.filter(([n, v]) => n.startsWith("p.") && v).map(([n, v]) => [n.slice(2), v]));
  const names = namesIn(text);
  const [values, setValues] = useState(given);

  const failed = (e: unknown): void =>
    setProblem(e instanceof APIError ? e.problem : { title: String(e), status: 0, detail: "", request_id: "" });
  // What the person has run, by the address that it gives; any other address is only shown.
  const pressed = useRef("");
  const run = (q: string, own_values: Record<string, string>): void => {
    stop.current?.abort();
    pressed.current = address(q, own_values);
    const own = new AbortController();
    stop.current = own;
    setBusy(true);
    setProblem(null);
    ask<SQLData>("/sql", {
      method: "POST",
      body: JSON.stringify({ q, values: own_values }),
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      signal: own.signal,
    }).then(
      (a) => {
        setResult(a.data);
        setBusy(false);
      },
      (e: unknown) => {
        if (own.signal.aborted) return;
        setBusy(false);
        setResult(null);
        failed(e);
      },
    );
  };
  const key = address(asked, given);
  useEffect(() => {
    if (key === pressed.current) return;
    stop.current?.abort();
    setText(asked);
    setValues(given);
    setBusy(false);
    setResult(null);
    setProblem(null);
  }, [key]);
  useEffect(() => () => stop.current?.abort(), []);
  const submit = (): void => {
    if (!text.trim()) return;
    const wanted = Object.fromEntries(names.filter((n) => values[n]).map((n) => [n, values[n]!]));
    run(text, wanted);
    set({
      ...Object.fromEntries(Object.keys(given).map((n) => ["p." + n, ""])),
      ...Object.fromEntries(Object.entries(wanted).map(([n, v]) => ["p." + n, v])),
      q: text,
    });
  };
  const file = (format: string): void => {
    const own = new AbortController();
    setProblem(null);
    setBusy(true);
    save("/sql", { q: asked, values: given, format }, "sql." + format, own.signal).then(
      () => setBusy(false),
      (e: unknown) => {
        setBusy(false);
        failed(e);
      },
    );
  };
  const drawn = result && chartOf(result);
  const [chart, setChart] = useState(param("view") === "chart");

  if (!may("data")) {
    return (
      <Page title="SQL">
        <div class="grid">
          <Trouble
            problem={{
              title: "This page needs the role data",
              status: 403,
              detail: "It reads any table of the published version.",
              role: "data",
              request_id: "",
            }}
          />
        </div>
      </Page>
    );
  }
  return (
    <Page
      title="SQL"
      busy={busy}
      files={result?.formats}
      save={file}
      count={
        <>
          One select over the published version; nothing can be written.
          Up to {decimal(String(meta.value?.limits.sql_rows ?? 0))} rows and{" "}
          {meta.value?.limits.sql_seconds} s.
        </>
      }
    >
      <div class="grid">
        <section class="card w-wide" aria-label="Query">
          <label class="editor">
            <span class="sr">SQL</span>
            <textarea
              ref={area}
              rows={Math.min(22, Math.max(8, text.split("\n").length + 1))}
              spellcheck={false}
              value={text}
              placeholder="select status, count(*) from …"
              onInput={(e) => setText(e.currentTarget.value)}
              onKeyDown={(e) => {
                if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
                  e.preventDefault();
                  submit();
                }
              }}
            />
          </label>
          {names.length > 0 && (
            <div class="values">
              {names.map((n) => (
                <label key={n}>
                  {n}
                  <input
                    value={values[n] ?? ""}
                    onInput={(e) => setValues({ ...values, [n]: e.currentTarget.value })}
                    onKeyDown={(e) => {
                      if (e.key === "Enter") submit();
                    }}
                  />
                </label>
              ))}
            </div>
          )}
          <footer>
            <button type="button" class="button primary" disabled={busy} onClick={submit}>
              <Icon name="play" />
              Run <kbd>Ctrl Enter</kbd>
            </button>
            {result && (
              <span class="quiet" role="status">
                {result.truncated
                  ? `First ${decimal(String(result.limit))} rows; there are more`
                  : `${decimal(String((result.rows ?? []).length))} rows`}{" "}
                in {seconds(result.seconds)}
              </span>
            )}
            {examples.map((x) => (
              <button key={x.title} type="button" class="plain" onClick={() => set({ q: x.sql.trim() })}>
                {x.title}
              </button>
            ))}
          </footer>
        </section>
        <section class="card w-third tree" aria-label="Tables">
          <header>
            <div>
              <h2>Tables</h2>
            </div>
          </header>
          {[...new Set(list.map((t) => t.schema))].map((s) => (
            <details key={s} open={s === "analytics"}>
              <summary>{s}</summary>
              <ul>
                {list
                  .filter((t) => t.schema === s)
                  .map((t) => (
                    <li key={t.name}>
                      <button
                        type="button"
                        class="plain"
                        title={t.description}
                        onClick={() => {
                          setText(text + (text && !/\s$/.test(text) ? " " : "") + t.name);
                          area.current?.focus();
                        }}
                      >
                        {t.name.slice(s.length + 1)}
                      </button>
                      <span class="quiet">{decimal(String(t.rows))}</span>
                    </li>
                  ))}
              </ul>
            </details>
          ))}
        </section>
        {problem && <Trouble problem={problem} />}
        {result && (
          <section class="card w-full list" aria-label="Result">
            {drawn && (
              <header>
                <div>
                  <h2>Result</h2>
                </div>
                <div class="tools">
                  <button
                    type="button"
                    class="ghost"
                    aria-pressed={chart}
                    aria-label={chart ? "Table of the result" : "Chart of the result"}
                    onClick={() => setChart(!chart)}
                  >
                    <Icon name={chart ? "table" : "chart"} />
                  </button>
                </div>
              </header>
            )}
            {drawn && chart ? (
              <div class="body">
                {drawn.mark === "bars" ? (
                  <Bars card={drawn} />
                ) : (
                  <>
                    <Legend card={drawn} />
                    <Columns card={drawn} />
                  </>
                )}
              </div>
            ) : (
              <Rows label="Result" columns={result.columns} rows={result.rows} limit={1000} />
            )}
            {(result.rows ?? []).length > 1000 && (
              <footer>
                <span class="quiet">First 1,000 on screen; the export has all.</span>
              </footer>
            )}
          </section>
        )}
      </div>
    </Page>
  );
}

/** One text for a statement and its values. */
const address = (q: string, values: Record<string, string>): string =>
  JSON.stringify([q, Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))]);

/** A result that can be drawn: the first column in words or days, up to three numbers beside it, not too many rows. */
function chartOf(result: SQLData): Card | null {
  const columns = result.columns ?? [];
  const rows = result.rows ?? [];
  const first = columns[0];
  const y = columns
    .slice(1)
    .filter((c) => numeric(c.format) && c.format !== "id")
    .slice(0, 3)
    .map((c) => c.name);
  if (!first || !y.length || rows.length < 2 || rows.length > 200 || new Set(rows.map((r) => r[0])).size < rows.length) return null;
  const time = first.format === "day" || first.format === "time";
  return {
    id: "result",
    question: "Result",
    answer: `${rows.length} rows of the statement's answer.`,
    mark: time ? "columns" : "bars",
    width: "full",
    basis: "",
    definition: "",
    columns,
    rows,
    encoding: time
      ? { x: first.name, y, panels: y.length > 1, grain: rows.every((r) => /-01\b/.test(String(r[0]).slice(7, 10))) ? "month" : "day" }
      : { label: first.name, y: y.slice(0, 1) },
    rows_link: "",
    total: rows.length,
    truncated: false,
    notes: null,
    exports: null,
    ms: 0,
  };
}
