// What stands around every page: navigation, header, notices, search, help.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { offline, useAnswer } from "../lib/api";
import { arrive, current, dark, drawer, go, lag, meta, newer, now, place, running, theme, toast, withFilters } from "../lib/state";
import type { ExportLink, SearchData } from "../lib/types";
import { ago, decimal, time } from "../lib/format";
import { Icon, known } from "./icon";
import { Popover } from "./menu";
import { copy } from "./card";

interface Entry {
  path: string;
  title: string;
  icon: string;
  filters: boolean;
}

const data: Entry[] = [
  { path: "/runs", title: "Pipeline runs", icon: "play", filters: false },
  { path: "/quality", title: "Data quality", icon: "shield", filters: false },
  { path: "/quarantine", title: "Quarantine", icon: "alert", filters: false },
  { path: "/tables", title: "Tables", icon: "table", filters: false },
  { path: "/lineage", title: "Lineage", icon: "tree", filters: false },
  { path: "/sql", title: "SQL", icon: "code", filters: false },
];

const aliases: Record<string, string> = { hospital: "building", boxes: "box", scale: "swap" };

export function sections(): [string, Entry[]][] {
  const m = meta.value;
  const pages = (m?.pages ?? []).filter((p) => !p.entity);
  const groups = new Map<string, Entry[]>();
  for (const p of pages) {
    const list = groups.get(p.section || "Operations") ?? [];
    const icon = aliases[p.icon ?? ""] ?? p.icon;
    list.push({ path: p.path, title: p.title, icon: known(icon) ? icon! : "chart", filters: true });
    groups.set(p.section || "Operations", list);
  }
  const taken = new Set(pages.map((p) => p.path));
  const records = (m?.records ?? [])
    .filter((r) => !taken.has("/" + r.name))
    .map((r) => ({ path: "/" + r.name, title: r.title, icon: "file", filters: true }));
  const first = [...groups.keys()][0] ?? "Operations";
  const list = groups.get(first) ?? [];
  groups.set(first, [...list.slice(0, 1), ...records.slice(0, 4), ...list.slice(1)]);
  return [...groups, ["Data", data]];
}

function Nav() {
  const m = meta.value;
  const here = place.value.path;
  const f = m?.freshness;
  return (
    <nav class={"nav" + (drawer.value ? " open" : "")} aria-label="Pages" id="nav">
      <a class="brand" href="/">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M5 17h5l3-8 5 15 3-7h6" />
        </svg>
        <span>
          <b>{m?.project || "Lifeline"}</b>
          <small>Lifeline · read only</small>
        </span>
      </a>
      {sections().map(([title, list]) => (
        <div key={title}>
          <h2>{title}</h2>
          <ul>
            {list.map((e) => {
              const badge = (m?.badges ?? []).find((b) => b.path.split("?")[0] === e.path && b.count > 0);
              const on = e.path === "/" ? here === "/" : here === e.path || here.startsWith(e.path + "/");
              return (
                <li key={e.path}>
                  <a href={e.filters ? withFilters(e.path) : e.path} aria-current={on ? "page" : undefined}>
                    <Icon name={e.icon} />
                    <span>{e.title}</span>
                    {badge && (
                      <em class={"badge badge-" + badge.tone} title={badge.text}>
                        {decimal(String(badge.count))}
                        <span class="sr"> {badge.text}</span>
                      </em>
                    )}
                  </a>
                </li>
              );
            })}
          </ul>
        </div>
      ))}
      {f && (
        <a class="fresh" href={f.link || "/runs"}>
          <b>
            <i class={"light light-" + f.status} />
            {running.value
              ? "A run is going"
              : f.status === "fresh"
                ? "Fresh"
                : f.status === "empty"
                  ? "No data yet"
                  : f.status === "stale"
                    ? "Stale"
                    : "Last run failed"}
            {f.loaded_at && !running.value ? " · " + ago(f.loaded_at, now.value) : ""}
          </b>
          {running.value ? <span>{running.value}</span> : f.loaded_at && <span>Loaded {time(f.loaded_at, m.time_zone)}</span>}
          {current.value && (
            <span>
              Version {current.value.version} · {m.engine === "duckdb" ? "DuckDB" : "PostgreSQL"}
            </span>
          )}
        </a>
      )}
    </nav>
  );
}

export function Search() {
  const [q, setQ] = useState("");
  const [asked, setAsked] = useState("");
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const input = useRef<HTMLInputElement | null>(null);
  useEffect(() => {
    const id = window.setTimeout(() => {
      setAsked(q.trim());
      setAt(0);
    }, 120);
    return () => window.clearTimeout(id);
  }, [q]);
  const { answer } = useAnswer<SearchData>(asked.length > 0 ? "/search?q=" + encodeURIComponent(asked) : "", false);
  const hits = asked ? (answer?.data.hits ?? []) : [];
  const pick = (link: string): void => {
    setOpen(false);
    setQ("");
    input.current?.blur();
    go(link);
  };
  return (
    <div
      class="search"
      role="search"
      onFocusOut={(e) => {
        if (!e.currentTarget.contains(e.relatedTarget as Node)) setOpen(false);
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        type="search"
        placeholder="Find a record, table …"
        aria-label="Find a record, page or table"
        list={undefined}
        role="combobox"
        aria-expanded={open && hits.length > 0}
        aria-controls="hits"
        aria-activedescendant={open && hits[at] ? "hit-" + at : undefined}
        value={q}
        autocomplete="off"
        onInput={(e) => {
          setQ(e.currentTarget.value);
          setOpen(true);
        }}
        onKeyDown={(e) => {
          if (e.key === "ArrowDown" || e.key === "ArrowUp") {
            e.preventDefault();
            setAt((at + (e.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(1, hits.length));
          }
          if (e.key === "Enter" && hits[at]) pick(hits[at]!.link);
          if (e.key === "Escape") {
            setQ("");
            setOpen(false);
          }
        }}
      />
      <kbd>Ctrl K</kbd>
      <ul id="hits" role="listbox" aria-label="Found" hidden={!open || !asked}>
        {hits.map((h, i) => (
          <li
            key={h.link + i}
            id={"hit-" + i}
            role="option"
            aria-selected={i === at}
            class={i === at ? "at" : ""}
            onPointerDown={(e) => {
              e.preventDefault();
              pick(h.link);
            }}
          >
            <span class="kind">{h.kind}</span>
            <b>{h.text}</b>
            <small>{h.note}</small>
          </li>
        ))}
        {open && asked && answer && hits.length === 0 && (
          <li role="option" aria-selected="false">
            Nothing is called so.
          </li>
        )}
      </ul>
    </div>
  );
}

/** What a file of a format is called in a menu. */
const fileKind = (format: string): string => (format === "csv" ? "CSV" : format === "parquet" ? "Parquet" : "NDJSON");

export function Page({
  title,
  count,
  exports,
  files,
  save,
  filters,
  crumbs,
  children,
  busy,
}: {
  title: string;
  count?: ComponentChildren;
  exports?: ExportLink[] | null;
  /** Formats of files that no address gives, and what takes one of them. */
  files?: string[] | null;
  save?: (format: string) => void;
  filters?: ComponentChildren;
  crumbs?: [string, string][];
  children: ComponentChildren;
  busy?: boolean;
}) {
  useEffect(() => {
    document.title = `${title} – ${meta.value?.project ?? "Lifeline"}`;
  }, [title]);
  useEffect(arrive, []);
  const f = current.value?.filters;
  const share = (exact: boolean): void => {
    void copy(location.origin + place.value.path + (exact && f?.exact ? "?" + f.exact : location.search));
  };
  return (
    <>
      <header class="head">
        <button
          type="button"
          class="ghost menu-button"
          aria-label="Pages"
          aria-expanded={drawer.value}
          aria-controls="nav"
          onClick={() => {
            drawer.value = !drawer.value;
          }}
        >
          <Icon name="menu" />
        </button>
        <div class="title">
          {crumbs && (
            <p class="crumbs">
              {crumbs.map(([label, path]) => (
                <>
                  <a href={path}>{label}</a> /{" "}
                </>
              ))}
            </p>
          )}
          <h1 tabIndex={-1}>{title}</h1>
          <p>
            {count}
            {lag.value && (
              <span class="lag" title="How far behind the source these pages are">
                <i class={"light light-" + (lag.value.away ? "failing" : "fresh")} />
                {lag.value.away ? "The source does not answer" : "Live"} · {lag.value.seconds} s behind
              </span>
            )}
          </p>
        </div>
        <Search />
        <div class="actions">
          <Popover
            label="Copy link"
            kind="button"
            end
            button={
              <>
                <Icon name="link" />
                <span>Copy link</span>
              </>
            }
          >
            {(close) => (
              <div class="menu">
                <button
                  type="button"
                  class="option"
                  onClick={() => {
                    share(true);
                    close();
                  }}
                >
                  <span>
                    These exact dates<small>shows the same days later</small>
                  </span>
                </button>
                <button
                  type="button"
                  class="option"
                  onClick={() => {
                    share(false);
                    close();
                  }}
                >
                  <span>
                    Rolling<small>ends at the newest data</small>
                  </span>
                </button>
              </div>
            )}
          </Popover>
          {((exports?.length ?? 0) > 0 || (files?.length ?? 0) > 0) && (
            <Popover
              label="Export"
              kind="button"
              end
              button={
                <>
                  <Icon name="down" />
                  <span>Export</span>
                  <Icon name="chevron" />
                </>
              }
            >
              {(close) => (
                <div class="menu">
                  {(exports ?? []).map((x) => (
                    <a key={x.format} class="option" href={x.link} download>
                      <span>
                        {fileKind(x.format)}
                        <small>all matching rows</small>
                      </span>
                    </a>
                  ))}
                  {(files ?? []).map((f) => (
                    <button
                      key={f}
                      type="button"
                      class="option"
                      onClick={() => {
                        save?.(f);
                        close();
                      }}
                    >
                      <span>
                        {fileKind(f)}
                        <small>all rows, up to a million</small>
                      </span>
                    </button>
                  ))}
                </div>
              )}
            </Popover>
          )}
          <button type="button" class="ghost" aria-label="Print" onClick={() => print()}>
            <Icon name="print" />
          </button>
          <button
            type="button"
            class="ghost"
            aria-label={dark() ? "Light theme" : "Dark theme"}
            onClick={() => {
              theme.value = dark() ? "light" : "dark";
            }}
          >
            <Icon name={dark() ? "sun" : "moon"} />
          </button>
        </div>
      </header>
      {filters && (
        <section class="filter-area" aria-label="What is shown">
          {filters}
        </section>
      )}
      <p class="printed">
        {f?.text} · version {current.value?.version} · {location.href}
      </p>
      <main id="main" aria-busy={busy} class={busy ? "busy" : ""}>
        <Notices />
        {children}
      </main>
      <Foot />
    </>
  );
}

function Notices() {
  const m = meta.value;
  const a = current.value;
  const f = m?.freshness;
  return (
    <>
      {offline.value && (
        <div class="notice notice-bad" role="alert">
          <Icon name="alert" />
          The server cannot be reached; it is asked again by itself.
          {a && ` What you see is version ${a.version} of ${time(a.published_at, m?.time_zone ?? "UTC")}.`}
        </div>
      )}
      {f && (f.status === "stale" || f.status === "failing") && (
        <div class="notice notice-warn">
          <Icon name="clock" />
          <span>
            {f.text} <a href={f.link}>See why</a>
          </span>
        </div>
      )}
      {newer.value && (
        <div class="notice">
          <Icon name="info" />A newer version is being read.
        </div>
      )}
      {(a?.notices ?? []).map((n) => (
        <div key={n} class="notice notice-warn" role="status">
          <Icon name="alert" />
          {n}
        </div>
      ))}
      {(a?.filters?.ignored ?? []).length > 0 && (
        <div class="notice" role="status">
          <Icon name="filter" />
          Not applied on this page: {a!.filters!.ignored!.join(", ")}.
        </div>
      )}
    </>
  );
}

function Foot() {
  const m = meta.value;
  const basis = (m?.bases ?? []).find((b) => b.name === current.value?.filters?.basis);
  return (
    <footer class="foot">
      {current.value?.filters?.currency && <>Amounts in {current.value.filters.currency}. </>}
      Days are those of {m?.time_zone || "UTC"}.{" "}
      {basis?.hint && (
        <>
          “{basis.label}”: {basis.hint}{" "}
        </>
      )}
      <a href="/api/v1/openapi.json" target="_blank" rel="noreferrer">
        API
      </a>{" "}
      · {m?.build}
    </footer>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const [help, setHelp] = useState(false);
  useEffect(() => {
    let before = "";
    const key = (e: KeyboardEvent): void => {
      const typing =
        e.target instanceof HTMLInputElement || e.target instanceof HTMLTextAreaElement || e.target instanceof HTMLSelectElement;
      if ((e.ctrlKey || e.metaKey) && e.key === "k") {
        e.preventDefault();
        document.getElementById("search")?.focus();
        return;
      }
      if (e.key === "Escape") {
        drawer.value = false;
        setHelp(false);
      }
      if (typing || e.ctrlKey || e.metaKey || e.altKey || localStorage.getItem("keys") === "off") return;
      const pages: Record<string, string> = {
        o: "/",
        c: "/" + (meta.value?.records?.[0]?.name ?? ""),
        p: "/providers",
        r: "/runs",
        q: "/quality",
        t: "/tables",
        s: "/sql",
      };
      if (before === "g" && pages[e.key]) {
        before = "";
        go(pages[e.key]!);
        return;
      }
      before = e.key;
      if (e.key === "/") {
        e.preventDefault();
        document.getElementById("search")?.focus();
      }
      if (e.key === "?") setHelp(true);
      if (e.key === "f") document.querySelector<HTMLElement>(".filters .chip")?.focus();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <Nav />
      {drawer.value && (
        <button
          type="button"
          class="shade"
          aria-label="Close the list of pages"
          onClick={() => {
            drawer.value = false;
          }}
        />
      )}
      <div class="stage">{children}</div>
      <div class="toast" role="status" aria-live="polite" hidden={!toast.value}>
        {toast.value}
      </div>
      {help && <Help close={() => setHelp(false)} />}
    </>
  );
}

function Help({ close }: { close: () => void }) {
  const keys = [
    ["/ or Ctrl K", "search"],
    ["g then o c p r q t s", "overview, records, providers, runs, quality, tables, SQL"],
    ["f", "first filter"],
    ["t", "chart or table of the card in focus"],
    ["arrows", "read a chart point by point; Enter lists its rows"],
    ["Esc", "close"],
  ];
  const [off, setOff] = useState(localStorage.getItem("keys") === "off");
  return (
    <div class="dialog" role="dialog" aria-modal="true" aria-label="Keys">
      <div class="card">
        <h2>Keys</h2>
        <dl>
          {keys.map(([k, v]) => (
            <div key={k}>
              <dt>
                <kbd>{k}</kbd>
              </dt>
              <dd>{v}</dd>
            </div>
          ))}
        </dl>
        <label class="choice">
          <input
            type="checkbox"
            checked={off}
            onChange={(e) => {
              setOff(e.currentTarget.checked);
              localStorage.setItem("keys", e.currentTarget.checked ? "off" : "on");
            }}
          />
          <span>Turn single keys off</span>
        </label>
        <button
          type="button"
          class="button"
          onClick={close}
          ref={(el) => {
            el?.focus();
          }}
        >
          Close
        </button>
      </div>
    </div>
  );
}
