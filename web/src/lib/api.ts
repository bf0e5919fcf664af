// Reading the API: one request a page, old numbers stay until the new ones are there, older requests are given up.

import { useEffect, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import type { Answer, Problem } from "./types";
import { current, lag, meta, newer, running } from "./state";
import type { LiveEvent } from "./live";

export const base = "/api/v1";
/** Raised to read everything anew, such as for a new version. */
export const turn = signal(0);
/** Set while the server does not answer. */
export const offline = signal(false);

export class APIError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

export async function ask<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  let r: Response;
  try {
    r = await fetch(base + path, { headers: { Accept: "application/json" }, ...init });
  } catch (e) {
    if ((e as Error).name === "AbortError") throw e;
    offline.value = true;
    throw new APIError({
      title: "The server cannot be reached",
      status: 0,
      detail: "Nothing answered.",
      hint: "The page asks again by itself.",
      request_id: "",
    });
  }
  offline.value = false;
  const text = await r.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (!r.ok || body === null) {
    const p = (body ?? {}) as Partial<Problem>;
    throw new APIError({
      title: p.title ?? `The server answered ${r.status}`,
      status: r.status,
      detail: p.detail ?? "",
      request_id: p.request_id ?? "",
      hint: p.hint,
      values: p.values,
      role: p.role,
      contact: p.contact,
    });
  }
  return body as Answer<T>;
}

/** Asks for a file and lets the browser keep it: one that no address gives. */
export async function save(path: string, body: unknown, name: string, signal: AbortSignal): Promise<void> {
  const r = await fetch(base + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    signal,
  });
  if (!r.ok) {
    const p = (await r.json().catch(() => ({}))) as Partial<Problem>;
    throw new APIError({
      title: p.title ?? `The server answered ${r.status}`,
      status: r.status,
      detail: p.detail ?? "",
      request_id: p.request_id ?? "",
      hint: p.hint,
    });
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await r.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// The last answers, so that going back draws at once.
const kept = new Map<string, Answer<unknown>>();

export interface Loaded<T> {
  answer: Answer<T> | null;
  problem: Problem | null;
  busy: boolean;
  retry: () => void;
}

/** Reads a path; main says that the answer's envelope is the page's. An empty path reads nothing. */
export function useAnswer<T>(path: string, main = true): Loaded<T> {
  const [state, setState] = useState<{ path: string; answer: Answer<T> | null; problem: Problem | null; busy: boolean }>(() => ({
    path,
    answer: (kept.get(path) as Answer<T>) ?? null,
    problem: null,
    busy: true,
  }));
  const [again, setAgain] = useState(0);
  const turned = turn.value;
  useEffect(() => {
    if (!path) return;
    const stop = new AbortController();
    let wait = 0;
    const old = kept.get(path) as Answer<T> | undefined;
    setState((s) => ({ path, answer: old ?? s.answer, problem: null, busy: true }));
    if (old && main) current.value = old.meta;
    ask<T>(path, { signal: stop.signal }).then(
      (answer) => {
        kept.delete(path);
        kept.set(path, answer);
        if (kept.size > 40) kept.delete(kept.keys().next().value!);
        if (main) {
          current.value = answer.meta;
          newer.value = "";
        }
        setState({ path, answer, problem: null, busy: false });
      },
      (e: unknown) => {
        if (stop.signal.aborted) return;
        const problem =
          e instanceof APIError ? e.problem : { title: "The answer cannot be read", status: 0, detail: String(e), request_id: "" };
        // What was read before stays on the page while the server is away; the shell says how old it is.
        const known = problem.status === 0 ? ((kept.get(path) as Answer<T> | undefined) ?? null) : null;
        setState({ path, answer: known, problem: known ? null : problem, busy: false });
        if (problem.status === 0) wait = window.setTimeout(() => setAgain((n) => n + 1), Math.min(30_000, 1500 * 2 ** Math.min(again, 5)));
      },
    );
    return () => {
      stop.abort();
      window.clearTimeout(wait);
    };
  }, [path, again, turned]);
  return { answer: state.answer, problem: state.problem, busy: state.busy || state.path !== path, retry: () => setAgain((n) => n + 1) };
}

/** Follows the server's own events: a new version is read at once, a run is told of. */
export function follow(): void {
  let source: EventSource | null = null;
  const hear = (e: MessageEvent<string>): void => {
    let event: LiveEvent;
    try {
      event = JSON.parse(e.data) as LiveEvent;
    } catch {
      return;
    }
    if (event.kind === "run") {
      running.value = event.state === "finished" ? "" : event.text || event.step || "A run is going";
      if (event.state === "finished") void refreshMeta();
    }
    if (event.kind === "lag") lag.value = { seconds: event.text ?? "", away: event.state === "away" };
    if (event.kind === "snapshot" && event.snapshot && meta.value?.state === "empty") void refreshMeta();
    if (event.kind === "snapshot" && event.snapshot && current.value && event.snapshot !== current.value.snapshot) {
      newer.value = event.snapshot;
      void refreshMeta();
      turn.value++;
    }
  };
  const start = (): void => {
    source = new EventSource(base + "/events");
    for (const kind of ["snapshot", "run", "lag", "hello"]) source.addEventListener(kind, hear as EventListener);
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) window.setTimeout(start, 15_000);
    };
  };
  start();
}

export async function refreshMeta(): Promise<void> {
  const a = await ask<NonNullable<typeof meta.value>>("/meta");
  meta.value = a.data;
}
