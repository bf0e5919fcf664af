// Cells, pills and tables. Text from data is only ever a text node.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Column, Row, Value } from "../lib/types";
import { cell, decimal, numeric } from "../lib/format";
import { meta, stateOf } from "../lib/state";
import { Twin } from "../charts/twin";
import { Icon } from "./icon";

export function Linked({ link, children }: { link?: string; children: ComponentChildren }) {
  return link ? <a href={link}>{children}</a> : <>{children}</>;
}

const glyphs: Record<string, string> = { good: "check", bad: "cross", wait: "clock", idle: "dash", warn: "alert", unknown: "info" };

/** A word with its tone in colour and in form. */
export function Pill({ tone, children }: { tone: string; children: ComponentChildren }) {
  return (
    <span class={"pill pill-" + tone}>
      <Icon name={glyphs[tone] ?? "info"} />
      {children}
    </span>
  );
}

export function State({ name }: { name: string }) {
  const s = stateOf(name);
  return <Pill tone={s.tone}>{s.label}</Pill>;
}

const tones: Record<string, string> = {
  pass: "good",
  published: "good",
  ok: "good",
  done: "good",
  unchanged: "idle",
  fresh: "good",
  released: "good",
  fixed_at_source: "good",
  warn: "warn",
  late: "warn",
  stale: "warn",
  blocked: "bad",
  fail: "bad",
  failed: "bad",
  error: "bad",
  running: "wait",
  quarantined: "warn",
  superseded: "idle",
  not_applicable: "idle",
  resolved: "good",
  new: "bad",
  persisting: "warn",
  skipped: "idle",
};
export function toneOfStatus(status: string): string {
  return tones[status] ?? "idle";
}
export function Status({ name }: { name: string }) {
  return <Pill tone={toneOfStatus(name)}>{name.replaceAll("_", " ")}</Pill>;
}

export function show(v: Value | undefined, format: string, short = false): string {
  return cell(v, format, { zone: meta.value?.time_zone, state: (s) => stateOf(s).label, short });
}

export function Cell({ value, format }: { value: Value; format: string }) {
  if (format === "state" && value !== null) return <State name={String(value)} />;
  const text = show(value, format);
  return <>{text}</>;
}

export interface Head {
  name: string;
  label: string;
  n?: boolean;
  low?: boolean;
  sort?: (desc: boolean) => void;
  dir?: "ascending" | "descending";
}

/** A table that scrolls inside its card; its head stays. */
export function Grid({
  label,
  heads,
  children,
  foot,
}: {
  label: string;
  heads: Head[];
  children: ComponentChildren;
  foot?: ComponentChildren;
}) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      <table class="grid-table">
        <thead>
          <tr>
            {heads.map((h) => (
              <th key={h.name} scope="col" class={(h.n ? "n" : "") + (h.low ? " low" : "")} aria-sort={h.dir}>
                {h.sort ? (
                  <button type="button" class="sort" onClick={() => h.sort!(h.dir !== "descending")}>
                    {h.label}
                    {h.dir ? <span aria-hidden="true">{h.dir === "descending" ? " ↓" : " ↑"}</span> : ""}
                  </button>
                ) : (
                  h.label
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
        {foot && <tfoot>{foot}</tfoot>}
      </table>
    </div>
  );
}

/** Rows of the API with their links; sorts by itself where the server does not. */
export function Rows({
  label,
  columns,
  rows,
  sort,
  onSort,
  foot,
  limit,
}: {
  label: string;
  columns: Column[] | null;
  rows: Row[] | null;
  sort?: string;
  onSort?: (sort: string) => void;
  foot?: ComponentChildren;
  limit?: number;
}) {
  const t = new Twin(columns, rows);
  const [own, setOwn] = useState("");
  const by = onSort ? (sort ?? "") : own;
  const shown = t.columns.filter((c) => !c.hidden);
  const list = onSort || !own ? t.rows : sorted(t, own);
  return (
    <Grid
      label={label}
      foot={foot}
      heads={shown.map((c) => ({
        name: c.name,
        label: c.label + (c.unit ? `, ${c.unit}` : ""),
        n: numeric(c.format),
        low: c.low,
        dir: by === c.name ? "ascending" : by === "-" + c.name ? "descending" : undefined,
        sort: (desc) => (onSort ?? setOwn)((desc ? "-" : "") + c.name),
      }))}
    >
      {list.slice(0, limit).map((r, i) => (
        <tr key={i}>
          {shown.map((c) => (
            <td key={c.name} class={(numeric(c.format) ? "n" : "") + (c.low ? " low" : "")}>
              <Linked link={t.link(r, c.name)}>
                <Cell value={t.value(r, c.name)} format={c.format} />
              </Linked>
            </td>
          ))}
        </tr>
      ))}
    </Grid>
  );
}

function sorted(t: Twin, by: string): Row[] {
  const name = by.replace(/^-/, "");
  const sign = by.startsWith("-") ? -1 : 1;
  const n = numeric(t.column(name)?.format ?? "");
  return [...t.rows].sort((a, b) => {
    const [x, y] = [t.value(a, name), t.value(b, name)];
    if (x === null || y === null) return (x === null ? 1 : 0) - (y === null ? 1 : 0);
    return sign * (n ? Number(x) - Number(y) : String(x).localeCompare(String(y)));
  });
}

export function Count({ n, one, many }: { n: number; one: string; many?: string }) {
  return (
    <>
      <b>{decimal(String(n))}</b> {n === 1 ? one : (many ?? one + "s")}
    </>
  );
}

/** Numbers in a sentence are set strong, so that the answer is seen at a glance. */
export function Sentence({ text }: { text: string }) {
  const parts = text.split(/((?:[A-Z]{3} )?[−-]?\d[\d,.]*(?: ?%|[kMB]\b)?)/);
  return <>{parts.map((p, i) => (i % 2 ? <b key={i}>{p}</b> : p))}</>;
}

export function Code({ text, language }: { text: string; language?: string }) {
  return (
    <pre class="code" tabIndex={0} aria-label={language ?? "Code"}>
      <code>{text}</code>
    </pre>
  );
}
