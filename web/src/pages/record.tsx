// One record: what happened, does it add up, where did it come from.

import type { Fact, RecordData } from "../lib/types";
import { useAnswer } from "../lib/api";
import { meta, stateOf } from "../lib/state";
import { day, decimal, plural, time } from "../lib/format";
import { Cell, Grid, Linked, Rows, Sentence, State, Status, show } from "../parts/cells";
import { Icon } from "../parts/icon";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";

export function RecordPage({ name }: { name: string }) {
  const [kind = "", ...key] = name.split("/");
  const { answer, problem, busy, retry } = useAnswer<RecordData>(
    `/records/${kind}/${encodeURIComponent(decodeURIComponent(key.join("/")))}`,
  );
  const d = answer?.data;
  const info = meta.value?.records?.find((r) => r.name === kind);
  return (
    <Page
      title={d?.title ?? `${info?.singular ?? "Record"} ${key.join("/")}`}
      crumbs={[[info?.title ?? kind, "/" + kind]]}
      busy={busy}
      count={
        d && (
          <>
            <State name={d.state} />{" "}
            {d.amount && (
              <b>
                {d.currency} {decimal(d.amount, 2)}
              </b>
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
          <section class="card w-wide" aria-labelledby="what">
            <header>
              <div>
                <h2 id="what">What happened?</h2>
                <p class="answer">
                  <Sentence text={d.answer} />
                </p>
              </div>
            </header>
            <Timeline d={d} />
          </section>
          <section class="card w-third" aria-labelledby="facts">
            <header>
              <div>
                <h2 id="facts">What is it?</h2>
                <p class="answer">
                  {stateOf(d.state).label}
                  {d.amount ? `, ${d.currency} ${decimal(d.amount, 2)}` : ""}
                </p>
              </div>
            </header>
            <Facts list={d.facts} />
          </section>
          {d.sum && (
            <section class={"card w-full sum" + (d.sum.equal ? "" : " off")} aria-labelledby="sum">
              <header>
                <div>
                  <h2 id="sum">Does it add up?</h2>
                  <p class="answer">
                    <Sentence text={d.sum.text} />
                  </p>
                </div>
              </header>
              <dl class="sums">
                <div>
                  <dt>Amount</dt>
                  <dd>
                    {d.sum.currency} {decimal(d.sum.amount, 2)}
                  </dd>
                </div>
                <span aria-hidden="true">−</span>
                <div>
                  <dt>Sum of its lines</dt>
                  <dd>
                    {d.sum.currency} {decimal(d.sum.lines, 2)}
                  </dd>
                </div>
                <span aria-hidden="true">=</span>
                <div>
                  <dt>Difference</dt>
                  <dd class={d.sum.equal ? "good" : "bad"}>
                    {d.sum.currency} {decimal(d.sum.difference, 2)}
                  </dd>
                </div>
              </dl>
            </section>
          )}
          {(d.related ?? []).map((r) => (
            <section key={r.title + r.table} class="card w-full" aria-label={r.title}>
              <header>
                <div>
                  <h2>{r.title}</h2>
                  <p class="answer">
                    {plural(r.total, "row")} in {r.table}
                  </p>
                </div>
              </header>
              <div class="body">
                {(r.rows ?? []).length ? <Rows label={r.title} columns={r.columns} rows={r.rows} /> : <p class="nothing">None.</p>}
              </div>
              {r.link && (
                <footer>
                  <a href={r.link}>
                    Open the rows <Icon name="arrow" />
                  </a>
                  {r.total > (r.rows ?? []).length && (
                    <span class="quiet">
                      First {(r.rows ?? []).length} of {r.total}
                    </span>
                  )}
                </footer>
              )}
            </section>
          ))}
          <section class="card w-half" aria-labelledby="checks">
            <header>
              <div>
                <h2 id="checks">What do the checks say?</h2>
                <p class="answer">
                  {(d.checks ?? []).length ? plural(d.checks!.length, "check") + " over its tables." : "No check reads its tables."}
                </p>
              </div>
            </header>
            <Verdicts list={d.checks ?? []} />
          </section>
          <section class="card w-half" aria-labelledby="origin">
            <header>
              <div>
                <h2 id="origin">Where did it come from?</h2>
                <p class="answer">
                  Row <b>{d.provenance.key}</b> of {d.provenance.source}, in version <b>{d.provenance.version}</b> by{" "}
                  <a href={d.provenance.run_link}>run {d.provenance.run}</a>.
                </p>
              </div>
            </header>
            {(d.provenance.changed ?? []).length > 0 ? (
              <Grid
                label="What cleaning changed"
                heads={[
                  { name: "c", label: "Column" },
                  { name: "b", label: "Before" },
                  { name: "a", label: "After" },
                  { name: "h", label: "How" },
                ]}
              >
                {d.provenance.changed!.map((c) => (
                  <tr key={c.column}>
                    <td>{c.column}</td>
                    <td>
                      <s>{show(c.before, "text")}</s>
                    </td>
                    <td>
                      <b>{show(c.after, "text")}</b>
                    </td>
                    <td>{c.basis}</td>
                  </tr>
                ))}
              </Grid>
            ) : (
              <p class="nothing">Cleaning changed no value of it.</p>
            )}
          </section>
          <section class="card w-full" aria-label="All columns">
            <details>
              <summary>All {(d.row ?? []).length} columns</summary>
              <Facts list={d.row} wide />
            </details>
          </section>
        </div>
      )}
    </Page>
  );
}

/** What did not pass stands open, what did can be unfolded. */
function Verdicts({ list }: { list: NonNullable<RecordData["checks"]> }) {
  const line = (c: (typeof list)[number]) => (
    <li key={c.name}>
      <Status name={c.status} /> <a href={c.link}>{c.text || c.name}</a>
    </li>
  );
  const passed = list.filter((c) => c.status === "pass");
  return (
    <div class="body">
      <ul class="checks">{list.filter((c) => c.status !== "pass").map(line)}</ul>
      {passed.length > 0 && (
        <details>
          <summary>{plural(passed.length, "check")} passed</summary>
          <ul class="checks">{passed.map(line)}</ul>
        </details>
      )}
    </div>
  );
}

export function Facts({ list, wide }: { list: Fact[] | null; wide?: boolean }) {
  return (
    <dl class={"facts" + (wide ? " wide" : "")}>
      {(list ?? []).map((f) => (
        <div key={f.label}>
          <dt title={f.help}>{f.label}</dt>
          <dd>
            <Linked link={f.link}>
              <Cell value={f.value} format={f.format} />
            </Linked>
            {f.basis && <small class="basis">{f.basis}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Days as a step is measured by: minutes and hours where it takes no day. */
function gap(days: number): string {
  const a = Math.abs(days);
  const text =
    a >= 10
      ? `${Math.round(a)} d`
      : a >= 1
        ? `${a.toFixed(1)} d`
        : a * 24 >= 1
          ? `${(a * 24).toFixed(1)} h`
          : `${Math.round(a * 1440)} min`;
  return (days < 0 ? "−" : "+") + text;
}

/** How a time of the line is known, where no date column of the source says it. */
const basisText: Record<string, string> = {
  proxy: "stands in for a time that is not kept",
  binlog: "as committed, from the binary log",
  snapshot: "as the loads before and after saw it",
};

function Timeline({ d }: { d: RecordData }) {
  const zone = meta.value?.time_zone ?? "UTC";
  return (
    <ol class="timeline">
      {(d.timeline ?? []).map((e) => (
        <li key={e.label + e.at} class={"basis-" + e.basis}>
          {e.gap_days !== null && e.gap_days !== undefined && <span class="gap">{gap(e.gap_days)}</span>}
          <i aria-hidden="true" />
          <b>{e.label}</b>
          <time dateTime={e.at}>{e.at ? time(e.at, zone) : day(e.day)}</time>
          {e.basis !== "column" && <small class="quiet">{basisText[e.basis] ?? e.basis}</small>}
          {e.help && <small class="quiet">{e.help}</small>}
        </li>
      ))}
      {(d.undated ?? []).length > 0 && (
        <li class="undated">
          <i aria-hidden="true" />
          <b>No date for</b>
          <span>{d.undated!.join(", ")}</span>
        </li>
      )}
    </ol>
  );
}
