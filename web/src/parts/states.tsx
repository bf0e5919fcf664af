// What stands where numbers cannot: waiting, failed, empty, first run.

import type { Empty as EmptyData, Meta, Problem } from "../lib/types";
import { Icon } from "./icon";
import { Code } from "./cells";

export function Waiting({ cards = 4 }: { cards?: number }) {
  return (
    <div class="grid" aria-hidden="true">
      {Array.from({ length: cards }, (_, i) => (
        <div key={i} class={"card skeleton " + (i === 0 ? "w-full" : "w-half")}>
          <i />
          <i />
          <b />
        </div>
      ))}
    </div>
  );
}

export function Trouble({ problem, retry, small }: { problem: Problem; retry?: () => void; small?: boolean }) {
  return (
    <div class={small ? "trouble" : "card w-full trouble"} role="alert">
      <Icon name={problem.status === 403 ? "lock" : "alert"} />
      <div>
        <b>{problem.title}</b>
        {problem.detail && <p>{problem.detail}</p>}
        {problem.hint && <p>{problem.hint}</p>}
        {problem.role && (
          <p>
            This needs the role {problem.role}. {problem.contact}
          </p>
        )}
        {problem.values && problem.values.length > 0 && <p>Possible: {problem.values.slice(0, 12).join(", ")}</p>}
        <p class="quiet">
          {problem.request_id && <>Request {problem.request_id}. </>}
          {retry && (
            <button type="button" class="plain" onClick={retry}>
              Try again
            </button>
          )}
        </p>
      </div>
    </div>
  );
}

export function Nothing({ empty }: { empty: EmptyData }) {
  return (
    <div class="card w-full empty">
      <Icon name="search" />
      <p>{empty.text}</p>
      {empty.link && (
        <a class="button" href={empty.link}>
          {empty.label || "Show them"}
        </a>
      )}
    </div>
  );
}

export function FirstRun({ meta }: { meta: Meta }) {
  return (
    <div class="card w-full first">
      <h2>From here to the first numbers</h2>
      <p>Nothing has been published yet. This page fills by itself when the first run is through.</p>
      <ol>
        {(meta.first_steps ?? []).map((s) => (
          <li key={s.title} class={s.done ? "done" : ""}>
            <b>{s.title}</b>
            {s.done && <> – done</>}
            {/^(lifeline|export) /.test(s.command) ? <Code text={s.command} language="Command" /> : <p>{s.command}</p>}
          </li>
        ))}
      </ol>
    </div>
  );
}
