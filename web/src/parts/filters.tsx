// The filter bar: one row of chips; each opens a panel with the values and their rows under the other filters.

import { useState } from "preact/hooks";
import type { DimensionData, FilterInfo } from "../lib/types";
import { useAnswer } from "../lib/api";
import { current, defaults, meta, param, place, rowDefaults, set } from "../lib/state";
import { type Pair, all, bare, filtersOf, format } from "../lib/url";
import { day, decimal } from "../lib/format";
import { Icon } from "./icon";
import { Popover } from "./menu";

export function FilterBar(props: { names: string[] | null; rows?: boolean; money?: boolean; compared?: string }) {
  const { names, rows, money = true, compared } = props;
  const m = meta.value;
  const pairs = place.value.pairs;
  const list = (m?.filters ?? []).filter((f) => f.kind !== "currency" && (!names || names.includes(f.name)));
  const shown = new Set(["basis", "range", "from", "to", "vs", "undated", "currency", ...list.map((f) => f.name)]);
  const others = filtersOf(pairs).filter(([n]) => !shown.has(bare(n)));
  const filtered = filtersOf(pairs).some(([n, v]) => (rows ? rowDefaults : defaults.value)[n] !== v);
  return (
    <div class="filters" role="toolbar" aria-label="Filters">
      <Period rows={rows} />
      {!rows && <Versus compared={compared} />}
      <span class="divide" />
      {list.map((f) => (
        <Values key={f.name} f={f} rows={rows} />
      ))}
      {money && (m?.currencies?.length ?? 0) > 0 && <Currency rows={rows} />}
      <Undated rows={rows} />
      {others.map(([n, v]) => (
        <button
          key={n + v}
          type="button"
          class="chip on"
          onClick={() => remove([n, v], rows)}
          aria-label={`Remove the filter ${words([n, v])}`}
        >
          {words([n, v])}
          <Icon name="cross" />
        </button>
      ))}
      {filtered && (
        <button type="button" class="plain" onClick={() => clear(rows)}>
          Clear
        </button>
      )}
    </div>
  );
}

function words([name, value]: Pair): string {
  const op: Record<string, string> = { "!": "is not", ">": "from", "<": "up to", "~": "contains" };
  const o = op[name.slice(-1)];
  return `${bare(name).replaceAll("_", " ")} ${o ?? "is"} ${value === "is:null" ? "missing" : value}`;
}

function remove(pair: Pair, rows?: boolean): void {
  const [n, v] = pair;
  set({ [n]: all(place.value.pairs, n).filter((x) => x !== v) }, { rows });
}

function clear(rows?: boolean): void {
  set(Object.fromEntries(filtersOf(place.value.pairs).map(([n]) => [n, ""])), { rows });
}

function Period({ rows }: { rows?: boolean }) {
  const m = meta.value;
  const f = current.value?.filters;
  const custom = param("from") || param("to");
  const range = param("range") || (rows ? "all" : (defaults.value.range ?? ""));
  const basis = m?.bases?.find((b) => b.name === (param("basis") || defaults.value.basis));
  const on = !!(custom || param("range") || param("basis"));
  const text =
    f?.from && f.to
      ? `${day(f.from, f.from.slice(0, 4) !== f.to.slice(0, 4))} – ${day(f.to)}`
      : f?.from
        ? "from " + day(f.from)
        : f?.to
          ? "until " + day(f.to)
          : "any day";
  return (
    <Popover
      label="Period"
      kind={"chip period" + (on || !rows ? " on" : "")}
      button={
        <>
          <Icon name="calendar" />
          <span>{f?.basis_label || basis?.label || "Date"}</span>
          <b>{text}</b>
          <Icon name="chevron" />
        </>
      }
    >
      {(close) => (
        <>
          <fieldset>
            <legend>Which date</legend>
            {(m?.bases ?? []).map((b) => (
              <label key={b.name} class="choice">
                <input
                  type="radio"
                  name="basis"
                  checked={b.name === (f?.basis || basis?.name)}
                  onChange={() => set({ basis: b.name }, { rows })}
                />
                <span>
                  {b.label}
                  {b.hint && <small>{b.hint}</small>}
                </span>
              </label>
            ))}
          </fieldset>
          <fieldset>
            <legend>Period, up to the newest data ({day(m?.data_through ?? "")})</legend>
            <div class="ranges">
              {(m?.ranges ?? []).map((r) => (
                <button
                  key={r.name}
                  type="button"
                  class={"option" + (!custom && r.name === range ? " chosen" : "")}
                  aria-pressed={!custom && r.name === range}
                  onClick={() => {
                    set({ range: r.name, from: "", to: "" }, { rows });
                    close();
                  }}
                >
                  {r.label}
                </button>
              ))}
            </div>
          </fieldset>
          <fieldset class="dates">
            <legend>Or these days</legend>
            <label>
              From
              <input
                type="date"
                value={f?.from}
                onChange={(e) => set({ range: "", from: e.currentTarget.value, to: param("to") || f?.to || "" }, { rows })}
              />
            </label>
            <label>
              To
              <input
                type="date"
                value={f?.to}
                onChange={(e) => set({ range: "", to: e.currentTarget.value, from: param("from") || f?.from || "" }, { rows })}
              />
            </label>
          </fieldset>
        </>
      )}
    </Popover>
  );
}

const versus: [string, string][] = [
  ["prev", "period before"],
  ["year", "same days a year before"],
  ["none", "nothing"],
];

// A page without a period has nothing to compare with, whatever the address says.
function Versus({ compared }: { compared?: string }) {
  const now = compared ?? (param("vs") || "prev");
  return (
    <Popover
      label="Compare with"
      kind={"chip" + (param("vs") ? " on" : "")}
      button={
        <>
          <span>vs</span>
          <b>{versus.find((v) => v[0] === now)?.[1] ?? now}</b>
          <Icon name="chevron" />
        </>
      }
    >
      {(close) =>
        versus.map(([name, label]) => (
          <button
            key={name}
            type="button"
            class={"option" + (now === name ? " chosen" : "")}
            aria-pressed={now === name}
            onClick={() => {
              set({ vs: name });
              close();
            }}
          >
            {label}
          </button>
        ))
      }
    </Popover>
  );
}

function Currency({ rows }: { rows?: boolean }) {
  const m = meta.value;
  const now = param("currency") || (rows ? "" : (m?.currency ?? ""));
  return (
    <Popover
      label="Currency"
      kind={"chip" + (param("currency") ? " on" : "")}
      button={
        <>
          <span>Currency</span>
          <b>{now || "any"}</b>
          <Icon name="chevron" />
        </>
      }
    >
      {(close) => (
        <>
          {rows && (
            <button
              type="button"
              class="option"
              onClick={() => {
                set({ currency: "" }, { rows });
                close();
              }}
            >
              any
            </button>
          )}
          {(m?.currencies ?? []).map((c) => (
            <button
              key={c.value}
              type="button"
              class={"option" + (now === c.value ? " chosen" : "")}
              aria-pressed={now === c.value}
              onClick={() => {
                set({ currency: c.value }, { rows });
                close();
              }}
            >
              <span>{c.label || c.value}</span>
              <em>{decimal(String(c.rows))}</em>
            </button>
          ))}
        </>
      )}
    </Popover>
  );
}

const undated: [string, string][] = [
  ["exclude", "Only rows with a date"],
  ["include", "Rows without a date too"],
  ["only", "Only rows without a date"],
];

function Undated({ rows }: { rows?: boolean }) {
  const now = param("undated");
  if (!now) return null;
  return (
    <button
      type="button"
      class="chip on"
      onClick={() => set({ undated: "" }, { rows })}
      aria-label="Remove the filter on rows without a date"
    >
      {undated.find((u) => u[0] === now)?.[1] ?? now}
      <Icon name="cross" />
    </button>
  );
}

function Values({ f, rows }: { f: FilterInfo; rows?: boolean }) {
  const picked = all(place.value.pairs, f.name);
  const barred = all(place.value.pairs, f.name + "!");
  const value = (v: string): string =>
    v === "is:null" ? "none" : f.kind === "state" ? (meta.value?.states?.find((s) => s.name === v)?.label ?? v) : v;
  const text = picked.length
    ? picked.length === 1
      ? value(picked[0]!)
      : `${picked.length} chosen`
    : barred.length
      ? `not ${barred.length === 1 ? value(barred[0]!) : barred.length}`
      : "Any";
  return (
    <Popover
      label={f.label}
      kind={"chip" + (picked.length || barred.length ? " on" : "")}
      button={
        <>
          <span>{f.label}</span>
          <b>{text}</b>
          <Icon name="chevron" />
        </>
      }
    >
      {() => <ValuesPanel f={f} rows={rows} picked={picked} barred={barred} />}
    </Popover>
  );
}

function ValuesPanel({ f, rows, picked, barred }: { f: FilterInfo; rows?: boolean; picked: string[]; barred: string[] }) {
  const [q, setQ] = useState("");
  const pairs = filtersOf(place.value.pairs);
  const table = rows ? param("table") : "";
  const query = format([...pairs, ["q", q], ["limit", "60"], ...(table ? [["table", table] as Pair] : [])]);
  const { answer, problem } = useAnswer<DimensionData>(`/dimensions/${encodeURIComponent(f.name)}${query}`, false);
  const toggle = (name: string, list: string[], v: string): void =>
    set({ [name]: list.includes(v) ? list.filter((x) => x !== v) : [...list, v] }, { rows });
  return (
    <>
      <input
        type="search"
        class="find"
        placeholder={`Find a ${f.label.toLowerCase()}`}
        aria-label={`Find a ${f.label.toLowerCase()}`}
        value={q}
        onInput={(e) => setQ(e.currentTarget.value)}
      />
      {f.hint && <p class="quiet">{f.hint}</p>}
      {problem && <p>{problem.title}</p>}
      <ul class="values" aria-label={f.label}>
        {(answer?.data.options ?? []).map((o) => (
          <li key={o.value}>
            <label class="choice">
              <input type="checkbox" checked={picked.includes(o.value)} onChange={() => toggle(f.name, picked, o.value)} />
              <span class={barred.includes(o.value) ? "barred" : ""}>
                {f.kind === "state" ? value(o.value, o.label) : o.label || o.value}
              </span>
              <em>{decimal(String(o.rows))}</em>
            </label>
            <button
              type="button"
              class="plain"
              onClick={() => set({ [f.name]: o.value, [f.name + "!"]: "" }, { rows })}
              aria-label={`Only ${o.label}`}
            >
              only
            </button>
            <button
              type="button"
              class="plain"
              onClick={() => toggle(f.name + "!", barred, o.value)}
              aria-label={`${barred.includes(o.value) ? "Allow" : "Exclude"} ${o.label}`}
              aria-pressed={barred.includes(o.value)}
            >
              not
            </button>
          </li>
        ))}
      </ul>
      {answer && answer.data.total > (answer.data.options?.length ?? 0) && (
        <p class="quiet">
          {answer.data.options?.length} of {decimal(String(answer.data.total))}; type to find others.
        </p>
      )}
      {(picked.length > 0 || barred.length > 0) && (
        <button type="button" class="plain" onClick={() => set({ [f.name]: "", [f.name + "!"]: "" }, { rows })}>
          Any {f.label.toLowerCase()}
        </button>
      )}
    </>
  );
}

function value(v: string, label: string): string {
  return meta.value?.states?.find((s) => s.name === v)?.label ?? (label || v);
}
