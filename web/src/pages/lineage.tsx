// Lineage: one table and its neighbours; the server lays it out, the page draws it.

import type { LineageData } from "../lib/types";
import { useAnswer } from "../lib/api";
import { param, place, set } from "../lib/state";
import { format, put } from "../lib/url";
import { decimal, plural } from "../lib/format";
import { toneOfStatus } from "../parts/cells";
import { clip } from "../charts/columns";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";

export function Lineage() {
  const pairs = place.value.pairs;
  const { answer, problem, busy, retry } = useAnswer<LineageData>("/lineage" + format(pairs, { up: "1", down: "1" }));
  const d = answer?.data;
  const path = (d?.columns ?? []).find((c) => c.column === param("column"));
  const [up, down] = [Number(param("up") || 1), Number(param("down") || 1)];
  const to = (table: string): string => "/lineage" + format(put(pairs, "table", table));
  return (
    <Page
      title="Lineage"
      busy={busy}
      count={
        d && (
          <>
            <b>{d.table}</b> reads {plural((d.upstream ?? []).length, "table")} and is read by{" "}
            {plural((d.downstream ?? []).length, "table")}, near and far
          </>
        )
      }
      filters={
        <div class="filters" role="toolbar" aria-label="What to show">
          <label>
            Table{" "}
            <select value={d?.table ?? param("table")} onChange={(e) => set({ table: e.currentTarget.value, column: "" })}>
              {(d?.tables ?? []).map((t) => (
                <option key={t} value={t}>
                  {t}
                </option>
              ))}
            </select>
          </label>
          <label>
            Before{" "}
            <select value={String(up)} onChange={(e) => set({ up: e.currentTarget.value })}>
              {[0, 1, 2, 3, 9].map((n) => (
                <option key={n} value={n}>
                  {n === 9 ? "all" : n}
                </option>
              ))}
            </select>
          </label>
          <label>
            After{" "}
            <select value={String(down)} onChange={(e) => set({ down: e.currentTarget.value })}>
              {[0, 1, 2, 3, 9].map((n) => (
                <option key={n} value={n}>
                  {n === 9 ? "all" : n}
                </option>
              ))}
            </select>
          </label>
          <label>
            Follow{" "}
            <select value={param("column")} onChange={(e) => set({ column: e.currentTarget.value })}>
              <option value="">no column</option>
              {(d?.columns ?? []).map((c) => (
                <option key={c.column} value={c.column}>
                  {c.column}
                </option>
              ))}
            </select>
          </label>
        </div>
      }
    >
      {problem && (
        <div class="grid">
          <Trouble problem={problem} retry={retry} />
        </div>
      )}
      {!d && !problem && <Waiting cards={1} />}
      {d && (
        <div class="grid">
          <section class="card w-full" aria-labelledby="breaks">
            <header>
              <div>
                <h2 id="breaks">What breaks if {d.table} changes?</h2>
                <p class="answer">
                  {plural((d.downstream ?? []).length, "table")} after it. Data flows from left to right; each box leads to its neighbours.
                </p>
              </div>
            </header>
            <div class="scroll graph" tabIndex={0} role="group" aria-label="Graph; the lists below say the same">
              <svg
                viewBox={`-4 -4 ${d.width + 8} ${d.height + 8}`}
                width={d.width + 8}
                height={d.height + 8}
                aria-hidden="true"
                focusable="false"
              >
                {(d.edges ?? []).map((e) => (
                  <path
                    key={e.from + e.to}
                    class={"edge" + (path && path.nodes.includes(e.from) && path.nodes.includes(e.to) ? " lit" : "")}
                    d={e.path}
                  />
                ))}
                {(d.nodes ?? []).map((n) => (
                  <a key={n.name} href={n.kind === "page" ? n.link : n.focus ? "/tables/" + n.name : to(n.name)} tabindex={-1}>
                    <rect
                      class={`node node-${n.kind}${n.focus ? " focus" : ""}${path?.nodes.includes(n.name) ? " lit" : ""}`}
                      x={n.x}
                      y={n.y}
                      width={n.width}
                      height={n.height}
                      rx={8}
                    />
                    <circle
                      class={"fill-" + ({ good: "good", bad: "bad", warn: "wait" }[toneOfStatus(n.status)] ?? "idle")}
                      cx={n.x + 14}
                      cy={n.y + n.height / 2}
                      r={4}
                    />
                    <text class="label" x={n.x + 26} y={n.y + n.height / 2 - 3}>
                      {clip(n.name, n.width - 30)}
                    </text>
                    <text class="tick" x={n.x + 26} y={n.y + n.height / 2 + 12}>
                      {clip(
                        n.kind +
                          (n.rows >= 0 && n.kind !== "page" ? ` · ${decimal(String(n.rows))} rows` : "") +
                          (n.more > 0 ? ` · +${n.more}` : ""),
                        n.width - 18,
                      )}
                    </text>
                  </a>
                ))}
              </svg>
            </div>
          </section>
          <section class="card w-half" aria-labelledby="up">
            <header>
              <div>
                <h2 id="up">What does it stand on?</h2>
              </div>
            </header>
            <List names={d.upstream} to={to} />
          </section>
          <section class="card w-half" aria-labelledby="down">
            <header>
              <div>
                <h2 id="down">What stands on it?</h2>
              </div>
            </header>
            <List names={d.downstream} to={to} />
          </section>
        </div>
      )}
    </Page>
  );
}

function List({ names, to }: { names: string[] | null; to: (n: string) => string }) {
  return (names ?? []).length ? (
    <ul class="names">
      {names!.map((n) => (
        <li key={n}>
          <a href={to(n)}>{n}</a>
        </li>
      ))}
    </ul>
  ) : (
    <p class="nothing">Nothing.</p>
  );
}
