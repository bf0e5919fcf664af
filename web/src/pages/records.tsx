// Rows of a table: filters, a histogram over time, sums over all matches, pages by key.

import { max } from "d3-array";
import type { RecordInfo, RowsData, TableData } from "../lib/types";
import { useAnswer } from "../lib/api";
import { param, place, rowDefaults, set } from "../lib/state";
import { type Pair, format } from "../lib/url";
import { bucket, decimal, numeric, plural } from "../lib/format";
import { type Drawing, Frame, Grid, barPath, every } from "../charts/frame";
import { axisText } from "../charts/columns";
import { scaleBand, scaleLinear } from "d3-scale";
import { Rows, show } from "../parts/cells";
import { FilterBar } from "../parts/filters";
import { Icon } from "../parts/icon";
import { Popover } from "../parts/menu";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";

/** The list of a kind of record; its page is /{name}. */
export function Records({ info, table }: { info: RecordInfo; table: string }) {
  const list = useRows(table, info);
  return (
    <Page
      title={info.title}
      busy={list.busy}
      exports={list.data?.exports}
      filters={<FilterBar rows names={info.facets} />}
      count={
        list.data && (
          <>
            <b>{decimal(String(list.total))}</b> {info.title.toLowerCase()} match the filters
            {list.data.undated > 0 && !param("undated") && (
              <a class="warned" href={place.value.path + format([...place.value.pairs, ["undated", "only"]], rowDefaults)}>
                {" "}
                + {decimal(String(list.data.undated))} with no date
              </a>
            )}
          </>
        )
      }
    >
      <div class="grid">
        <RowList {...list} />
      </div>
    </Page>
  );
}

export interface Listed {
  data: RowsData | undefined;
  total: number;
  next: string;
  busy: boolean;
  retry: () => void;
  problem: ReturnType<typeof useAnswer>["problem"];
  asked: boolean;
}

/** Asks for a table's rows as the address says. */
export function useRows(table: string, info?: RecordInfo, on = true): Listed {
  const pairs = place.value.pairs.filter(([n, v]) => !["view", "card", "panel", "vs", "table"].includes(n) && rowDefaults[n] !== v);
  const has = (n: string): boolean => pairs.some(([p]) => p === n);
  const more: Pair[] = [
    ["histogram", "1"],
    ["limit", "100"],
  ];
  if (!has("fields") && info?.columns?.length) more.push(["fields", info.columns.join(",")]);
  if (!has("sort") && info?.sort) more.push(["sort", info.sort]);
  const { answer, problem, busy, retry } = useAnswer<RowsData>(
    on ? `/tables/${encodeURIComponent(table)}/rows${format([...pairs, ...more])}` : "",
  );
  return {
    data: answer?.data,
    total: answer?.page?.total ?? 0,
    next: answer?.page?.next ?? "",
    busy: on && busy,
    retry,
    problem,
    asked: on,
  };
}

export function RowList({ data, total, next, problem, retry }: Listed) {
  if (problem) return <Trouble problem={problem} retry={retry} />;
  if (!data) return <Waiting cards={1} />;
  const shown = (data.columns ?? []).filter((c) => !c.hidden);
  const rows = data.rows ?? [];
  if (total === 0) {
    return (
      <div class="card w-full empty">
        <Icon name="search" />
        <p>No row matches these filters.</p>
        <a class="button" href={place.value.path}>
          Show all rows
        </a>
      </div>
    );
  }
  return (
    <>
      {data.histogram?.bins && data.histogram.bins.length > 1 && (
        <section class="card w-full" aria-label="When">
          <header>
            <div>
              <h2>When?</h2>
              <p class="answer">
                {plural(total, "row")} by {data.histogram.grain}. Click a bar to narrow to it.
              </p>
            </div>
          </header>
          <div class="body">
            <When h={data.histogram} />
          </div>
        </section>
      )}
      <section class="card w-full list" aria-label="Rows">
        <Rows
          label={data.title}
          columns={data.columns}
          rows={rows}
          sort={param("sort") || data.sort}
          onSort={(s) => set({ sort: s, after: "" }, { rows: true })}
          foot={(data.totals ?? []).slice(0, 6).map((t) => (
            <tr key={t.currency}>
              {shown.map((c, i) => (
                <td key={c.name} class={(numeric(c.format) ? "n" : "") + (c.low ? " low" : "")}>
                  {i === 0 ? (
                    <b>
                      {plural(t.rows, "row")}
                      {t.currency && (data.totals ?? []).length > 0 ? `, ${t.currency}` : ""}
                    </b>
                  ) : t.sums?.[c.name] !== undefined ? (
                    <b>{show(t.sums[c.name]!, c.format)}</b>
                  ) : (
                    ""
                  )}
                </td>
              ))}
            </tr>
          ))}
        />
        <footer>
          <span class="quiet">
            {param("after") ? "More of" : rows.length < total ? `First ${rows.length} of` : "All"} {plural(total, "row")}; sums are over all
            of them.
          </span>
          <Chooser table={data.table} shown={shown.map((c) => c.name)} />
          {param("after") && (
            <button type="button" class="plain" onClick={() => set({ after: "" }, { rows: true })}>
              First page
            </button>
          )}
          {next && (
            <button type="button" class="plain" onClick={() => set({ after: next }, { rows: true })}>
              Next {Math.min(100, total)} <Icon name="arrow" />
            </button>
          )}
        </footer>
      </section>
    </>
  );
}

function Chooser({ table, shown }: { table: string; shown: string[] }) {
  return (
    <Popover
      label="Columns"
      kind="plain"
      end
      button={
        <>
          <Icon name="columns" /> Columns
        </>
      }
    >
      {(close) => <Choices table={table} shown={shown} close={close} />}
    </Popover>
  );
}

// All columns of the table, the shown ones first and in their order.
function Choices({ table, shown, close }: { table: string; shown: string[]; close: () => void }) {
  const { answer } = useAnswer<TableData>("/tables/" + encodeURIComponent(table));
  const labels = new Map((answer?.data.profile ?? []).map((c) => [c.name, c.label]));
  const names = [...shown, ...[...labels.keys()].filter((n) => !shown.includes(n))];
  return (
    <form
      class="menu choices"
      onSubmit={(e) => {
        e.preventDefault();
        const fields = new FormData(e.currentTarget).getAll("field").map(String);
        if (fields.length) set({ fields: fields.join(",") }, { rows: true });
        close();
      }}
    >
      <div>
        {names.map((n) => (
          <label key={n} class="option">
            <input type="checkbox" name="field" value={n} defaultChecked={shown.includes(n)} />
            <span>
              {labels.get(n) ?? n} <small>{n}</small>
            </span>
          </label>
        ))}
      </div>
      <footer>
        <button class="button">Show these</button>
        <button
          type="button"
          class="plain"
          onClick={() => {
            set({ fields: "" }, { rows: true });
            close();
          }}
        >
          As usual
        </button>
      </footer>
    </form>
  );
}

export function When({ h }: { h: NonNullable<RowsData["histogram"]> }) {
  const bins = h.bins ?? [];
  return (
    <Frame
      label="Rows over time."
      draw={(width, active): Drawing => {
        const height = 116;
        const x = scaleBand<number>()
          .domain(bins.map((_, i) => i))
          .range([46, width - 2])
          .padding(0.18);
        const y = scaleLinear([0, max(bins, (b) => b.rows) || 1], [height - 22, 8]).nice(3);
        const step = every(bins.length, width, 80);
        return {
          height,
          marks: bins.map((b, i) => ({
            title: bucket(b.from, h.grain),
            lines: [{ label: "Rows", value: decimal(String(b.rows)), tone: "accent" }],
            link: b.link,
            x: x(i) ?? 0,
            y: 20,
            hit: [x(i) ?? 0, 0, x.step(), height - 20],
          })),
          body: (
            <g class="fill-accent">
              <Grid ticks={y.ticks(2)} y={y} left={46} right={width} text={(n) => decimal(String(n))} />
              {bins.map((b, i) => (
                <path
                  key={i}
                  class={active !== null && active !== i ? "faint" : ""}
                  d={barPath(x(i) ?? 0, y(b.rows), x.bandwidth(), height - 22 - y(b.rows))}
                />
              ))}
              {bins.map(
                (b, i) =>
                  i % step === 0 && (
                    <text key={i} class="tick" x={x(i) ?? 0} y={height - 5}>
                      {axisText(b.from, "day", h.grain)}
                    </text>
                  ),
              )}
            </g>
          ),
        };
      }}
    />
  );
}
