// Pipeline runs: which step failed, is it getting slower, which table is late and why.

import type { RunInfo, RunsData } from "../lib/types";
import { useAnswer } from "../lib/api";
import { meta, running } from "../lib/state";
import { decimal, plural, seconds, time } from "../lib/format";
import { max } from "d3-array";
import { scaleBand, scaleLinear } from "d3-scale";
import { Frame, Grid as Lines, barPath, every } from "../charts/frame";
import { Grid, Sentence, Status, toneOfStatus } from "../parts/cells";
import { Icon } from "../parts/icon";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";

const fills: Record<string, string> = { good: "accent", bad: "bad", wait: "wait" };

export function Runs() {
  const { answer, problem, busy, retry } = useAnswer<RunsData>("/runs?limit=30");
  const d = answer?.data;
  const zone = meta.value?.time_zone ?? "UTC";
  const runs = d?.runs ?? [];
  return (
    <Page title="Pipeline runs" busy={busy} count={d && <Sentence text={d.answer} />}>
      {problem && (
        <div class="grid">
          <Trouble problem={problem} retry={retry} />
        </div>
      )}
      {!d && !problem && <Waiting />}
      {d && (
        <div class="grid">
          {running.value && (
            <div class="notice">
              <Icon name="play" />
              {running.value}
            </div>
          )}
          <section class="card w-half" aria-labelledby="steps">
            <header>
              <div>
                <h2 id="steps">Which step failed, and how often?</h2>
                <p class="answer">The last {plural(runs.length, "run")}, oldest on the left. Each cell leads to its run.</p>
              </div>
            </header>
            <StepGrid steps={d.steps ?? []} runs={[...runs].reverse()} />
          </section>
          <section class="card w-half" aria-labelledby="slow">
            <header>
              <div>
                <h2 id="slow">Is it getting slower?</h2>
                <p class="answer">
                  95 of 100 publishing runs take up to <b>{seconds(d.p95_seconds)}</b>.
                </p>
              </div>
            </header>
            <div class="body">
              <Durations runs={[...runs].reverse()} p95={d.p95_seconds} />
            </div>
          </section>
          <section class="card w-full list" aria-label="Runs">
            <header>
              <div>
                <h2>What did each run do?</h2>
              </div>
            </header>
            <Grid
              label="Runs"
              heads={[
                { name: "id", label: "Run" },
                { name: "s", label: "Status" },
                { name: "t", label: "Began" },
                { name: "d", label: "Took", n: true },
                { name: "r", label: "Rows read", n: true },
                { name: "c", label: "Changed", n: true },
                { name: "q", label: "Quarantined", n: true, low: true },
                { name: "k", label: "Checks", low: true },
                { name: "v", label: "Version", n: true },
              ]}
            >
              {runs.map((r) => (
                <tr key={r.id}>
                  <td>
                    <a href={r.link}>Run {r.id}</a>
                  </td>
                  <td>
                    <Status name={r.status} />
                  </td>
                  <td>{time(r.started_at, zone)}</td>
                  <td class="n">{seconds(r.seconds)}</td>
                  <td class="n">{decimal(String(r.read))}</td>
                  <td class="n">{decimal(String(r.changed))}</td>
                  <td class="n low">{decimal(String(r.quarantined))}</td>
                  <td class="low">
                    {r.checks.passed} passed{r.checks.warned ? `, ${r.checks.warned} warned` : ""}
                    {r.checks.failed ? `, ${r.checks.failed} failed` : ""}
                  </td>
                  <td class="n">{r.version || "–"}</td>
                </tr>
              ))}
            </Grid>
          </section>
          <section class="card w-full list" aria-label="Freshness">
            <header>
              <div>
                <h2>Which table is late, and why?</h2>
                <p class="answer">{late(d)}</p>
              </div>
            </header>
            <Grid
              label="Freshness of the source's tables"
              heads={[
                { name: "t", label: "Table" },
                { name: "s", label: "Verdict" },
                { name: "l", label: "Loaded" },
                { name: "c", label: "Rows last changed", low: true },
                { name: "r", label: "Rows", n: true },
                { name: "w", label: "Cause" },
              ]}
            >
              {(d.tables ?? []).map((t) => (
                <tr key={t.table}>
                  <td>
                    <a href={"/tables/staging." + t.table}>{t.table}</a>
                  </td>
                  <td>
                    <Status name={t.status} />
                  </td>
                  <td>{t.loaded_at ? time(t.loaded_at, zone) : "–"}</td>
                  <td class="low">{t.changed_at ? time(t.changed_at, zone) : "–"}</td>
                  <td class="n">{decimal(String(t.rows))}</td>
                  <td>{t.cause}</td>
                </tr>
              ))}
            </Grid>
          </section>
        </div>
      )}
    </Page>
  );
}

function late(d: RunsData): string {
  const n = (d.tables ?? []).filter((t) => t.status === "late").length;
  return n ? `${plural(n, "table")} of ${d.tables!.length} late.` : `None of ${plural((d.tables ?? []).length, "table")} is late.`;
}

const glyph: Record<string, string> = { good: "●", bad: "✕", warn: "▲", wait: "◐", idle: "–" };

function StepGrid({ steps, runs }: { steps: string[]; runs: RunInfo[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Steps of runs">
      <table class="step-grid">
        <thead>
          <tr>
            <th scope="col">Step</th>
            {runs.map((r) => (
              <th key={r.id} scope="col">
                <a href={r.link}>{r.id}</a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {steps.map((s) => (
            <tr key={s}>
              <th scope="row">{s}</th>
              {runs.map((r) => {
                const step = (r.steps ?? []).find((x) => x.step === s);
                const tone = step ? toneOfStatus(step.status) : "none";
                return (
                  <td key={r.id}>
                    {step ? (
                      <a
                        class={"cell-" + tone}
                        href={r.link}
                        tabIndex={-1}
                        title={`Run ${r.id}, ${s}: ${step.status}, ${seconds(step.seconds)}`}
                      >
                        <span aria-hidden="true">{glyph[tone] ?? "–"}</span>
                        <span class="sr">{step.status}</span>
                      </a>
                    ) : (
                      ""
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Durations({ runs, p95 }: { runs: RunInfo[]; p95: number }) {
  return (
    <Frame
      label="How long each run took."
      draw={(width, active) => {
        const height = 190;
        const x = scaleBand<number>()
          .domain(runs.map((_, i) => i))
          .range([52, width - 2])
          .padding(0.25);
        const y = scaleLinear([0, Math.max(max(runs, (r) => r.seconds) ?? 1, p95) || 1], [height - 24, 14]).nice(4);
        const step = every(runs.length, width, 46);
        return {
          height,
          marks: runs.map((r, i) => ({
            title: `Run ${r.id}, ${r.status}`,
            lines: [
              { label: "Took", value: seconds(r.seconds) },
              { label: "Rows read", value: decimal(String(r.read)) },
            ],
            link: r.link,
            x: x(i) ?? 0,
            y: 30,
            hit: [x(i) ?? 0, 0, x.step(), height],
          })),
          body: (
            <>
              <Lines
                ticks={y.ticks(4)}
                y={y}
                left={52}
                right={width}
                text={seconds}
                lines={p95 ? [{ at: p95, label: "95th percentile" }] : []}
              />
              {runs.map((r, i) => (
                <path
                  key={r.id}
                  class={`fill-${fills[toneOfStatus(r.status)] ?? "idle"} ${active !== null && active !== i ? "faint" : ""}`}
                  d={barPath(
                    (x(i) ?? 0) + Math.max(0, x.bandwidth() - 46) / 2,
                    y(r.seconds),
                    Math.min(46, x.bandwidth()),
                    Math.max(1, y(0) - y(r.seconds)),
                  )}
                />
              ))}
              {runs.map(
                (r, i) =>
                  i % step === 0 && (
                    <text key={r.id} class="tick" x={(x(i) ?? 0) + x.bandwidth() / 2} y={height - 6} text-anchor="middle">
                      {r.id}
                    </text>
                  ),
              )}
            </>
          ),
        };
      }}
    />
  );
}
