// One run: its steps on one time axis, what it did to each table, its books, and what differs from the last good run.

import type { RunData, RunStep } from "../lib/types";
import { useAnswer } from "../lib/api";
import { meta } from "../lib/state";
import { decimal, plural, seconds, time } from "../lib/format";
import { scaleLinear } from "d3-scale";
import { Frame } from "../charts/frame";
import { clip } from "../charts/columns";
import { Grid, Sentence, Status, toneOfStatus } from "../parts/cells";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";
import { CheckTable } from "./quality";
import { Facts } from "./record";

export function Run({ name }: { name: string }) {
  const { answer, problem, busy, retry } = useAnswer<RunData>("/runs/" + encodeURIComponent(name));
  const d = answer?.data;
  const zone = meta.value?.time_zone ?? "UTC";
  return (
    <Page
      title={"Run " + name}
      crumbs={[["Pipeline runs", "/runs"]]}
      busy={busy}
      count={
        d && (
          <>
            <Status name={d.status} /> {time(d.started_at, zone)} · <b>{seconds(d.seconds)}</b>
            {d.previous ? (
              <>
                {" "}
                · <a href={"/runs/" + d.previous}>run before</a>
              </>
            ) : (
              ""
            )}
            {d.next ? (
              <>
                {" "}
                · <a href={"/runs/" + d.next}>next run</a>
              </>
            ) : (
              ""
            )}
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
          {d.error && (
            <div class="card w-full trouble" role="alert">
              <div>
                <b>It failed</b>
                <p class="raw">{d.error}</p>
              </div>
            </div>
          )}
          <section class="card w-full" aria-labelledby="gantt">
            <header>
              <div>
                <h2 id="gantt">Where did the time go?</h2>
                <p class="answer">
                  <Sentence text={d.answer} />
                </p>
              </div>
            </header>
            <div class="body">
              <Gantt steps={d.steps ?? []} total={d.seconds} />
            </div>
            {d.good > 0 && (
              <p class="note">
                Thin marks: the same step in <a href={"/runs/" + d.good}>run {d.good}</a>, the last good one before it.
              </p>
            )}
          </section>
          <section class="card w-full" aria-labelledby="facts">
            <header>
              <div>
                <h2 id="facts">What ran?</h2>
              </div>
            </header>
            <Facts
              list={[
                ["Command", d.command],
                ["Mode", d.mode],
                ["Version", d.version ? String(d.version) : null],
                ["Data as of", d.as_of ? time(d.as_of, zone) : null],
                ["Rows read", decimal(String(d.read))],
                ["Rows changed", decimal(String(d.changed))],
                ["Quarantined", decimal(String(d.quarantined))],
                ["Consistency", d.consistency],
                ["Position before", d.position_before],
                ["Position", d.position],
                ["Lock held", seconds(d.lock_ms / 1000)],
                ["Build", d.build],
                ["Project", d.project_hash.slice(0, 12)],
                ["Host", d.host],
              ].map(([label, value]) => ({ label: label!, value: value ?? null, format: "text" }))}
              wide
            />
          </section>
          <section class="card w-full list" aria-label="Tables">
            <header>
              <div>
                <h2>What did it change?</h2>
                <p class="answer">
                  {plural(d.changed, "row")} of {decimal(String(d.read))} read.
                </p>
              </div>
            </header>
            <Grid
              label="Rows by table"
              heads={["Table", "Read", "Inserted", "Updated", "Deleted", "Rows now", "Took"].map((l, i) => ({
                name: l,
                label: l,
                n: i > 0,
              }))}
            >
              {(d.loads ?? []).map((l) => (
                <tr key={l.table}>
                  <td>
                    <a href={"/tables/staging." + l.table}>{l.table}</a>
                  </td>
                  {[l.read, l.inserted, l.updated, l.deleted, l.rows].map((n, i) => (
                    <td key={i} class="n">
                      {decimal(String(n))}
                    </td>
                  ))}
                  <td class="n">{seconds(l.seconds)}</td>
                </tr>
              ))}
            </Grid>
          </section>
          {(d.results ?? []).length > 0 && (
            <section class="card w-full list" aria-label="Checks">
              <header>
                <div>
                  <h2>Which checks did not pass?</h2>
                </div>
              </header>
              <CheckTable checks={d.results!} />
            </section>
          )}
          <section class="card w-half list" aria-label="Books">
            <header>
              <div>
                <h2>Do the books balance?</h2>
                <p class="answer">
                  {(d.books ?? []).filter((b) => b.balances).length} of {plural((d.books ?? []).length, "equation")} hold.
                </p>
              </div>
            </header>
            <Grid
              label="Books"
              heads={[
                { name: "b", label: "Holds" },
                { name: "t", label: "Table" },
                { name: "e", label: "Equation" },
                { name: "l", label: "Left", n: true },
                { name: "r", label: "Right", n: true },
              ]}
            >
              {(d.books ?? []).map((b, i) => (
                <tr key={i}>
                  <td>
                    <Status name={b.balances ? "pass" : "fail"} />
                  </td>
                  <td>{b.table}</td>
                  <td>
                    {b.equation}
                    {b.item && <small> {b.item}</small>}
                    {b.detail && <small> {b.detail}</small>}
                  </td>
                  <td class="n">{decimal(b.left)}</td>
                  <td class="n">{decimal(b.right)}</td>
                </tr>
              ))}
            </Grid>
          </section>
          <section class="card w-half list" aria-label="Models">
            <header>
              <div>
                <h2>How long did each model take?</h2>
              </div>
            </header>
            <Grid
              label="Models"
              heads={[
                { name: "m", label: "Model" },
                { name: "s", label: "Status" },
                { name: "r", label: "Rows", n: true },
                { name: "t", label: "Took", n: true },
                { name: "b", label: "Last good", n: true, low: true },
              ]}
            >
              {(d.models ?? []).map((m) => (
                <tr key={m.name}>
                  <td>{m.name?.includes(".") ? <a href={"/tables/" + m.name}>{m.name}</a> : m.name}</td>
                  <td>
                    <Status name={m.status} />
                  </td>
                  <td class="n">{decimal(String(m.rows))}</td>
                  <td class="n">{seconds(m.seconds)}</td>
                  <td class="n low">{m.before_seconds !== undefined ? seconds(m.before_seconds) : "–"}</td>
                </tr>
              ))}
            </Grid>
          </section>
          {(d.repairs ?? []).length > 0 && (
            <section class="card w-full list" aria-label="Repairs">
              <header>
                <div>
                  <h2>What did cleaning set?</h2>
                  <p class="answer">Cells by how their value came to be.</p>
                </div>
              </header>
              <Grid
                label="Repairs"
                heads={[
                  { name: "t", label: "Table" },
                  { name: "c", label: "Column" },
                  { name: "b", label: "How" },
                  { name: "r", label: "Rows", n: true },
                ]}
              >
                {d
                  .repairs!.map((p) => ({ ...p, table: p.table.includes(".") ? p.table : "core." + p.table }))
                  .map((r, i) => (
                    <tr key={i}>
                      <td>
                        <a href={"/tables/" + r.table}>{r.table}</a>
                      </td>
                      <td>{r.column}</td>
                      <td>{r.basis}</td>
                      <td class="n">
                        <a href={`/tables/${r.table}?view=rows&${encodeURIComponent(r.column + "_basis")}=${encodeURIComponent(r.basis)}`}>
                          {decimal(String(r.rows))}
                        </a>
                      </td>
                    </tr>
                  ))}
              </Grid>
            </section>
          )}
        </div>
      )}
    </Page>
  );
}

function Gantt({ steps, total }: { steps: RunStep[]; total: number }) {
  return (
    <Frame
      label="Steps of the run on one time axis."
      draw={(width, active) => {
        const row = 28;
        const left = Math.min(130, width * 0.3);
        const end = Math.max(total, ...steps.map((s) => s.start + s.seconds)) || 1;
        const x = scaleLinear([0, end], [left, width - 64]);
        return {
          height: steps.length * row + 24,
          marks: steps.map((s, i) => ({
            title: s.step,
            x: x(s.start),
            y: i * row + 20,
            hit: [0, i * row, width, row],
            lines: [
              { label: "Status", value: s.status },
              { label: "Took", value: seconds(s.seconds) },
              ...(s.before_seconds !== undefined ? [{ label: "Last good run", value: seconds(s.before_seconds) }] : []),
              { label: "Rows", value: decimal(String(s.rows)) },
              ...(s.detail ? [{ label: "Detail", value: s.detail }] : []),
            ],
          })),
          body: (
            <>
              {x.ticks(5).map((t) => (
                <g key={t}>
                  <line class="grid" x1={x(t)} x2={x(t)} y1={0} y2={steps.length * row} />
                  <text class="tick" x={x(t)} y={steps.length * row + 18} text-anchor="middle">
                    {seconds(t)}
                  </text>
                </g>
              ))}
              {steps.map((s, i) => (
                <g key={i} class={active !== null && active !== i ? "faint" : ""}>
                  <text class="label" x={0} y={i * row + 18}>
                    {clip(s.name ? `${s.step} ${s.name}` : s.step, left)}
                  </text>
                  <rect
                    class={"fill-" + ({ good: "accent", bad: "bad", warn: "wait" }[toneOfStatus(s.status)] ?? "idle")}
                    x={x(s.start)}
                    y={i * row + 6}
                    width={Math.max(2, x(s.start + s.seconds) - x(s.start))}
                    height={13}
                    rx={3}
                  />
                  {s.before_seconds !== undefined && (
                    <rect
                      class="fill-idle"
                      x={x(s.start)}
                      y={i * row + 21}
                      width={Math.max(1, x(s.start + s.before_seconds) - x(s.start))}
                      height={2}
                    />
                  )}
                  <text class="tick" x={Math.min(width - 52, x(s.start + s.seconds) + 6)} y={i * row + 17}>
                    {seconds(s.seconds)}
                  </text>
                </g>
              ))}
            </>
          ),
        };
      }}
    />
  );
}
