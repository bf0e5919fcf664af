// The question nobody built a page for: one select, in a sandbox, with its result as a table and as a file.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Problem, SQLData, TableInfo } from "../lib/types";
import { APIError, ask, useAnswer } from "../lib/api";
import { may, meta, param, set } from "../lib/state";
import { decimal, seconds } from "../lib/format";
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
  const examples = list.filter((t) => ["analytics", "marts"].includes(t.schema)).slice(0, 3);

  const run = (q: string): void => {
    stop.current?.abort();
    const own = new AbortController();
    stop.current = own;
    setBusy(true);
    setProblem(null);
    ask<SQLData>("/sql", { method: "POST", body: JSON.stringify({ q }), headers: { "Content-Type": "application/json", Accept: "application/json" }, signal: own.signal })
      .then((a) => { setResult(a.data); setBusy(false); }, (e: unknown) => {
        if (own.signal.aborted) return;
        setBusy(false);
        setResult(null);
        setProblem(e instanceof APIError ? e.problem : { title: String(e), status: 0, detail: "", request_id: "" });
      });
  };
  useEffect(() => { setText(asked); if (asked && may("data")) run(asked); return () => stop.current?.abort(); }, [asked]);
  const submit = (): void => { if (text.trim()) { if (text === asked) run(text); else set({ q: text }); } };

  if (!may("data")) {
    return <Page title="SQL"><div class="grid"><Trouble problem={{ title: "This page needs the role data", status: 403, detail: "It reads any table of the published version.", role: "data", request_id: "" }} /></div></Page>;
  }
  return (
    <Page title="SQL" busy={busy} exports={result?.exports} count={<>One select over the published version; nothing can be written. Up to {decimal(String(meta.value?.limits.sql_rows ?? 0))} rows and {meta.value?.limits.sql_seconds} s.</>}>
      <div class="grid">
        <section class="card w-wide" aria-label="Query">
          <label class="editor"><span class="sr">SQL</span>
            <textarea ref={area} rows={Math.min(22, Math.max(8, text.split("\n").length + 1))} spellcheck={false} value={text} placeholder="select status, count(*) from …" onInput={(e) => setText(e.currentTarget.value)}
              onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); submit(); } }} />
          </label>
          <footer>
            <button type="button" class="button primary" disabled={busy} onClick={submit}><Icon name="play" />Run <kbd>Ctrl Enter</kbd></button>
            {result && <span class="quiet" role="status">{result.truncated ? `First ${decimal(String(result.limit))} rows; there are more` : `${decimal(String((result.rows ?? []).length))} rows`} in {seconds(result.seconds)}</span>}
            {examples.map((t) => <button key={t.name} type="button" class="plain" onClick={() => set({ q: `select *\nfrom ${t.name}\nlimit 100` })}>{t.name.split(".")[1]}</button>)}
          </footer>
        </section>
        <section class="card w-third tree" aria-label="Tables">
          <header><div><h2>Tables</h2></div></header>
          {[...new Set(list.map((t) => t.schema))].map((s) => (
            <details key={s} open={s === "analytics"}><summary>{s}</summary><ul>{list.filter((t) => t.schema === s).map((t) => <li key={t.name}><button type="button" class="plain" title={t.description} onClick={() => { setText(text + (text && !/\s$/.test(text) ? " " : "") + t.name); area.current?.focus(); }}>{t.name.slice(s.length + 1)}</button><span class="quiet">{decimal(String(t.rows))}</span></li>)}</ul></details>
          ))}
        </section>
        {problem && <Trouble problem={problem} />}
        {result && <section class="card w-full list" aria-label="Result"><Rows label="Result" columns={result.columns} rows={result.rows} limit={1000} />{(result.rows ?? []).length > 1000 && <footer><span class="quiet">First 1,000 on screen; the export has all.</span></footer>}</section>}
      </div>
    </Page>
  );
}
