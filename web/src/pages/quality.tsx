// Data quality: what changed, where it is weak, every check with its trend; and one check with its failing rows.

import type { CheckData, CheckInfo, ChecksData, Option } from "../lib/types";
import { useAnswer } from "../lib/api";
import { meta, param, set } from "../lib/state";
import { decimal, percent, plural, time } from "../lib/format";
import { Spark } from "../charts/spark";
import { Code, Grid, Rows, Sentence, Status, toneOfStatus } from "../parts/cells";
import { Icon } from "../parts/icon";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";
import { Facts } from "./record";

export function Quality() {
  const { answer, problem, busy, retry } = useAnswer<ChecksData>("/checks");
  const d = answer?.data;
  const [table, dimension, status, delta] = [param("table"), param("dimension"), param("status"), param("delta")];
  const checks = (d?.checks ?? []).filter(
    (c) =>
      (!table || c.table === table) &&
      (!dimension || c.dimension === dimension) &&
      (!status || c.status === status) &&
      (!delta || c.delta === delta),
  );
  const filtered = table || dimension || status || delta;
  return (
    <Page title="Data quality" busy={busy} count={d && <Sentence text={d.answer} />}>
      {problem && (
        <div class="grid">
          <Trouble problem={problem} retry={retry} />
        </div>
      )}
      {!d && !problem && <Waiting />}
      {d && (
        <div class="grid">
          <section class="card w-third" aria-labelledby="delta">
            <header>
              <div>
                <h2 id="delta">What changed?</h2>
                <p class="answer">
                  {d.before ? (
                    <>
                      Run <b>{d.run}</b> beside run <b>{d.before}</b>.
                    </>
                  ) : (
                    <>
                      Run <b>{d.run}</b> is the first with checks.
                    </>
                  )}
                </p>
              </div>
            </header>
            <ul class="deltas">
              {(
                [
                  ["new", "New", d.new],
                  ["resolved", "Resolved", d.resolved],
                  ["persisting", "Persisting", d.persisting],
                ] as const
              ).map(([k, label, list]) => (
                <li key={k}>
                  <details open={k === "new" && (list ?? []).length < 30}>
                    <summary>
                      <b class={"big tone-text-" + toneOfStatus(k)}>{(list ?? []).length}</b> {label}
                    </summary>
                    <ul>
                      {(list ?? []).map((n) => (
                        <li key={n}>
                          <a href={"/quality/" + encodeURIComponent(n)}>{n}</a>
                        </li>
                      ))}
                    </ul>
                  </details>
                </li>
              ))}
            </ul>
          </section>
          <section class="card w-wide" aria-labelledby="matrix">
            <header>
              <div>
                <h2 id="matrix">Where is it weak?</h2>
                <p class="answer">Checks passed of all, by table and by what they are about.</p>
              </div>
            </header>
            <div class="scroll" tabIndex={0} role="group" aria-label="Checks by table and dimension">
              <table class="matrix">
                <thead>
                  <tr>
                    <th scope="col">Table</th>
                    {(d.dimensions ?? []).map((x) => (
                      <th key={x} scope="col" class="n">
                        {x}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {(d.matrix ?? []).map((r) => (
                    <tr key={r.table}>
                      <th scope="row">
                        <a href={"/quality?table=" + encodeURIComponent(r.table)}>{r.table}</a>
                      </th>
                      {(r.cells ?? []).map((c, i) => (
                        <td key={i} class={c.total ? "cell-" + toneOfStatus(c.worst) : ""}>
                          {c.total ? (
                            <a href={c.link}>
                              {c.passed}/{c.total}
                            </a>
                          ) : (
                            "·"
                          )}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </section>
          <section class="card w-full list" aria-labelledby="all">
            <header>
              <div>
                <h2 id="all">Which checks are there?</h2>
                <p class="answer">
                  {plural(checks.length, "check")}
                  {filtered && (
                    <>
                      {" "}
                      of {(d.checks ?? []).length}.{" "}
                      <button type="button" class="plain" onClick={() => set({ table: "", dimension: "", status: "", delta: "" })}>
                        Show all
                      </button>
                    </>
                  )}
                </p>
              </div>
              <div class="tools">
                {["fail", "warn", "pass"].map((s) => (
                  <button
                    key={s}
                    type="button"
                    class={"chip" + (status === s ? " on" : "")}
                    aria-pressed={status === s}
                    onClick={() => set({ status: status === s ? "" : s })}
                  >
                    {s}
                  </button>
                ))}
              </div>
            </header>
            <CheckTable checks={checks} />
          </section>
        </div>
      )}
    </Page>
  );
}

const rank: Record<string, number> = { fail: 0, error: 0, warn: 1, pass: 2, not_applicable: 3 };

export function CheckTable({ checks }: { checks: CheckInfo[] }) {
  return (
    <Grid
      label="Checks"
      heads={[
        { name: "s", label: "Result" },
        { name: "t", label: "What is promised" },
        { name: "f", label: "Failing", n: true },
        { name: "n", label: "Tested", n: true, low: true },
        { name: "p", label: "Share", n: true, low: true },
        { name: "v", label: "A failure", low: true },
        { name: "r", label: "30 runs", low: true },
        { name: "o", label: "Since", n: true, low: true },
      ]}
    >
      {[...checks]
        .sort((a, b) => (rank[a.status] ?? 2) - (rank[b.status] ?? 2) || b.failing - a.failing)
        .map((c) => (
          <tr key={c.name}>
            <td>
              <Status name={c.status} />
            </td>
            <td class="wrap">
              <a href={c.link}>{c.text || c.name}</a> {c.delta && c.delta !== "persisting" && <Status name={c.delta} />}
              <small>
                {c.table}
                {c.column && "." + c.column} · {c.dimension}
              </small>
            </td>
            <td class="n">{decimal(String(c.failing))}</td>
            <td class="n low">{decimal(String(c.tested))}</td>
            <td class="n low">{c.failing ? percent(c.share, 2) : "0%"}</td>
            <td class="low">
              {({ block: "stops the run", flag: "is flagged", info: "is noted", quarantine: "quarantines rows" } as Record<string, string>)[
                c.severity
              ] ?? c.severity}
            </td>
            <td class="low">
              <Spark values={c.trend ?? []} tone={c.failing ? "bad" : "accent"} width={84} height={22} />
            </td>
            <td class="n low">{c.first_seen ? <a href={"/runs/" + c.first_seen}>run {c.first_seen}</a> : "–"}</td>
          </tr>
        ))}
    </Grid>
  );
}

export function CheckPage({ name }: { name: string }) {
  const { answer, problem, busy, retry } = useAnswer<CheckData>("/checks/" + encodeURIComponent(decodeURIComponent(name)));
  const d = answer?.data;
  const zone = meta.value?.time_zone ?? "UTC";
  return (
    <Page
      title={d?.text || decodeURIComponent(name)}
      crumbs={[["Data quality", "/quality"]]}
      busy={busy}
      exports={d?.exports}
      count={
        d && (
          <>
            <Status name={d.status} /> <Sentence text={d.answer} />
          </>
        )
      }
    >
      {problem && (
        <div class="grid">
          <Trouble problem={problem} retry={retry} />
        </div>
      )}
      {!d && !problem && <Waiting />}
      {d && (
        <div class="grid">
          <section class="card w-third" aria-labelledby="facts">
            <header>
              <div>
                <h2 id="facts">What is promised?</h2>
                <p class="answer">{d.text}</p>
              </div>
            </header>
            <Facts
              list={[
                ["Name", d.name],
                ["Table", d.table, "/tables/" + d.table],
                ["Column", d.column],
                ["Kind", d.kind],
                ["About", d.dimension],
                ["A failure", d.severity],
                ["Threshold", d.threshold],
                ["Failing", decimal(String(d.failing))],
                ["Tested", decimal(String(d.tested))],
                ["Failing since", d.first_seen ? "run " + d.first_seen : null, d.first_seen ? "/runs/" + d.first_seen : ""],
              ].map(([label, value, link]) => ({ label: label!, value: value || null, format: "text", link: link || undefined }))}
            />
            {(d.pages ?? []).length > 0 && <p class="note">Read by {d.pages!.join(", ")}.</p>}
          </section>
          <section class="card w-wide list" aria-labelledby="when">
            <header>
              <div>
                <h2 id="when">Since when?</h2>
              </div>
            </header>
            {(d.trend ?? []).length > 1 && (
              <div class="trend">
                <Spark values={d.trend!.map(Number)} tone={d.failing ? "bad" : "accent"} width={600} height={70} />
              </div>
            )}
            <Grid
              label="Results by run"
              heads={[
                { name: "r", label: "Run" },
                { name: "a", label: "When" },
                { name: "s", label: "Result" },
                { name: "f", label: "Failing", n: true },
                { name: "t", label: "Tested", n: true },
                { name: "h", label: "Threshold", low: true },
              ]}
            >
              {(d.history ?? []).slice(0, 12).map((h) => (
                <tr key={h.run}>
                  <td>
                    <a href={"/runs/" + h.run}>Run {h.run}</a>
                  </td>
                  <td>{time(h.at, zone)}</td>
                  <td>
                    <Status name={h.status} />
                  </td>
                  <td class="n">{decimal(String(h.failing))}</td>
                  <td class="n">{decimal(String(h.tested))}</td>
                  <td class="low">{h.threshold || "–"}</td>
                </tr>
              ))}
            </Grid>
          </section>
          {(d.whose ?? []).length > 0 && (
            <section class="card w-full" aria-labelledby="whose">
              <header>
                <div>
                  <h2 id="whose">Whose are they?</h2>
                  <p class="answer">
                    <Sentence text={whoseText(d)} />
                  </p>
                </div>
              </header>
              <div class="whose">
                {d.whose!.map((g) => (
                  <Whose key={g.filter} group={g} total={d.total} />
                ))}
              </div>
            </section>
          )}
          <section class="card w-full list" aria-labelledby="rows">
            <header>
              <div>
                <h2 id="rows">Which rows?</h2>
                <p class="answer">{d.rows_note || (d.total ? plural(d.total, "failing row") : "No row fails.")}</p>
              </div>
            </header>
            {(d.rows ?? []).length > 0 && <Rows label="Failing rows" columns={d.columns} rows={d.rows} />}
            <footer>
              {d.rows_link && (
                <a href={d.rows_link}>
                  Open the rows <Icon name="arrow" />
                </a>
              )}
              {d.total > (d.rows ?? []).length && (
                <span class="quiet">
                  First {(d.rows ?? []).length} of {decimal(String(d.total))}; the export has all.
                </span>
              )}
            </footer>
          </section>
          {d.sql && (
            <section class="card w-full" aria-label="SQL">
              <details>
                <summary>The query of this check</summary>
                <Code text={d.sql} language="SQL" />
                <p>
                  <a href={"/sql?q=" + encodeURIComponent(d.sql)}>Open in SQL</a>
                </p>
              </details>
            </section>
          )}
        </div>
      )}
    </Page>
  );
}

type Group = NonNullable<CheckData["whose"]>[number];

/** The value that has the greatest share of the failing rows, of all groups. */
function whoseText(d: CheckData): string {
  const [group, first] = d
    .whose!.map((g): [Group, Option] => [g, g.options![0]!])
    .sort((a, b) => b[1].rows - a[1].rows || a[0].total - b[0].total)[0]!;
  const name = first.label.startsWith(group.label) ? first.label : `${group.label} ${first.label}`;
  return `${name} has ${decimal(String(first.rows))} of ${plural(d.total, "failing row")}.`;
}

function Whose({ group, total }: { group: Group; total: number }) {
  const path = meta.value?.filters?.find((f) => f.name === group.filter)?.path;
  return (
    <table class="bars">
      <caption>{group.label}</caption>
      <tbody>
        {group.options!.map((o) => (
          <tr key={o.value}>
            <th scope="row">
              {path && o.value !== "is:null" ? <a href={path.replace("{value}", encodeURIComponent(o.value))}>{o.label}</a> : o.label}
            </th>
            <td class="bar">
              <svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
                <rect class="fill-wait" width={Math.max(0.5, (100 * o.rows) / total)} height={14} rx={1} />
              </svg>
            </td>
            <td class="n">{decimal(String(o.rows))}</td>
          </tr>
        ))}
        {group.total > group.options!.length && (
          <tr>
            <td colSpan={3} class="quiet">
              and {decimal(String(group.total - group.options!.length))} more
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
