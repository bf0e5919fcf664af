// What is quarantined, why, and what it is worth.

import type { QuarantineData, QuarantineRow } from "../lib/types";
import { useAnswer } from "../lib/api";
import { meta, param, place, set } from "../lib/state";
import { all, drop, format } from "../lib/url";
import { decimal, plural, short, time } from "../lib/format";
import { max } from "d3-array";
import { Code, Grid, Sentence, Status } from "../parts/cells";
import { Icon } from "../parts/icon";
import { Popover } from "../parts/menu";
import { Page } from "../parts/shell";
import { Trouble, Waiting } from "../parts/states";

export function Quarantine() {
  const { answer, problem, busy, retry } = useAnswer<QuarantineData>(
    "/quarantine" + format([...drop(place.value.pairs, "view"), ["limit", "50"]]),
  );
  const d = answer?.data;
  const total = answer?.page?.total ?? 0;
  const most = max(d?.reasons ?? [], (r) => r.rows) ?? 1;
  return (
    <Page
      title="Quarantine"
      busy={busy}
      exports={d?.exports}
      count={d && <Sentence text={d.answer} />}
      filters={
        <div class="filters" role="toolbar" aria-label="Filters">
          <Pick name="table" label="Table" options={d?.tables ?? []} />
          <Pick name="state" label="State" none="held or quarantined" options={d?.states ?? []} />
          {["reason", "check", "key"].map(
            (n) =>
              param(n) && (
                <button key={n} type="button" class="chip on" onClick={() => set({ [n]: "" })} aria-label={`Remove the filter ${n}`}>
                  {n} {all(place.value.pairs, n).join(", ")}
                  <Icon name="cross" />
                </button>
              ),
          )}
          {place.value.pairs.length > 0 && (
            <a class="plain" href="/quarantine">
              Clear
            </a>
          )}
        </div>
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
          <section class="card w-full list" aria-labelledby="why">
            <header>
              <div>
                <h2 id="why">What is in quarantine, and what is it worth?</h2>
                <p class="answer">
                  <b>{decimal(String(d.open))}</b> rows are held or quarantined. Each reason leads to its rows.
                </p>
              </div>
            </header>
            {(d.reasons ?? []).length === 0 ? (
              <p class="nothing">Nothing is in quarantine.</p>
            ) : (
              <Grid
                label="Reasons"
                heads={[
                  { name: "r", label: "Reason" },
                  { name: "b", label: "Share" },
                  { name: "n", label: "Rows", n: true },
                  { name: "m", label: "Worth", n: true },
                  { name: "t", label: "Table", low: true },
                  { name: "o", label: "Oldest", low: true },
                ]}
              >
                {d.reasons!.map((r) => (
                  <tr key={r.table + r.reason + r.check + r.column}>
                    <td class="wrap">
                      <a href={r.link}>{r.text || r.reason}</a>
                      <small>
                        {r.reason}
                        {r.column && " · " + r.column}
                      </small>
                    </td>
                    <td class="bar">
                      <svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
                        <rect class="fill-wait" width={Math.max(0.8, (r.rows / most) * 100)} height={12} rx={0.8} />
                      </svg>
                    </td>
                    <td class="n">{decimal(String(r.rows))}</td>
                    <td class="n">
                      {Object.entries(r.money ?? {})
                        .map(([c, v]) => `${c || "no currency"} ${short(Number(v))}`)
                        .join(", ") || "–"}
                    </td>
                    <td class="low">{r.table}</td>
                    <td class="low">{r.oldest ? time(r.oldest, meta.value?.time_zone ?? "UTC") : "–"}</td>
                  </tr>
                ))}
              </Grid>
            )}
          </section>
          <section class="card w-full list" aria-labelledby="rows">
            <header>
              <div>
                <h2 id="rows">Which rows?</h2>
                <p class="answer">{plural(total, "row")} match.</p>
              </div>
            </header>
            <ul class="held">
              {(d.rows ?? []).map((r) => (
                <Row key={r.table + r.key + r.occurrence + r.first_run} r={r} />
              ))}
            </ul>
            <footer>
              {param("after") && (
                <button type="button" class="plain" onClick={() => set({ after: "" })}>
                  First page
                </button>
              )}
              {answer?.page?.next && (
                <button type="button" class="plain" onClick={() => set({ after: answer.page!.next })}>
                  Next rows <Icon name="arrow" />
                </button>
              )}
            </footer>
          </section>
          {d.command && (
            <section class="card w-full" aria-label="Evaluate anew">
              <header>
                <div>
                  <h2>How are they evaluated anew?</h2>
                  <p class="answer">These pages never write. On the server's shell:</p>
                </div>
              </header>
              <Code text={d.command} language="Command" />
            </section>
          )}
        </div>
      )}
    </Page>
  );
}

function Row({ r }: { r: QuarantineRow }) {
  const marked = new Set((r.reasons ?? []).map((c) => c.column).filter(Boolean));
  const zone = meta.value?.time_zone ?? "UTC";
  return (
    <li>
      <div class="held-head">
        <b>
          {r.table} {r.key || "without a key"}
        </b>{" "}
        <Status name={r.state} />
        <span class="quiet">
          seen first in <a href={"/runs/" + r.first_run}>run {r.first_run}</a>, {time(r.first_seen, zone)}
          {r.last_run !== r.first_run && (
            <>
              , last in <a href={"/runs/" + r.last_run}>run {r.last_run}</a>
            </>
          )}
        </span>
      </div>
      <ul class="causes">
        {(r.reasons ?? []).map((c, i) => (
          <li key={i}>
            <Icon name="alert" />
            {c.check ? <a href={"/quality/" + encodeURIComponent(c.check)}>{c.text || c.reason}</a> : c.text || c.reason}
            {c.value !== null && c.value !== undefined && (
              <>
                {" "}
                –{" "}
                <code>
                  {c.column} = {c.value}
                </code>
              </>
            )}
          </li>
        ))}
      </ul>
      {r.row && (
        <details>
          <summary>The row as it came</summary>
          <dl class="raw-row">
            {Object.entries(r.row).map(([k, v]) => (
              <div key={k} class={marked.has(k) ? "marked" : ""}>
                <dt>{k}</dt>
                <dd>{v === null ? <span class="quiet">null</span> : v === "" ? <span class="quiet">empty</span> : v}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </li>
  );
}

function Pick({
  name,
  label,
  none = "Any",
  options,
}: {
  name: string;
  label: string;
  none?: string;
  options: { value: string; label: string; rows: number }[];
}) {
  const now = param(name);
  return (
    <Popover
      label={label}
      kind={"chip" + (now ? " on" : "")}
      button={
        <>
          <span>{label}</span>
          <b>{now || none}</b>
          <Icon name="chevron" />
        </>
      }
    >
      {(close) =>
        [{ value: "", label: none, rows: -1 }, ...options].map((o) => (
          <button
            key={o.value}
            type="button"
            class={"option" + (o.value === now ? " chosen" : "")}
            aria-pressed={o.value === now}
            onClick={() => {
              set({ [name]: o.value });
              close();
            }}
          >
            <span>{(o.label || o.value).replaceAll("_", " ")}</span>
            {o.rows >= 0 && <em>{decimal(String(o.rows))}</em>}
          </button>
        ))
      }
    </Popover>
  );
}
