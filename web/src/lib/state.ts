// What the pages share: the place (the address), what /meta says, the theme, and the help a page offers to the shell.

import { computed, effect, signal } from "@preact/signals";
import type { AnswerMeta, Meta } from "./types";
import { type Pair, filtersOf, format, get, parse, put } from "./url";

export interface Place {
  path: string;
  pairs: Pair[];
}

function read(): Place {
  return { path: decodeURI(location.pathname).replace(/(.)\/$/, "$1"), pairs: parse(location.search) };
}

export const place = signal<Place>(read());
export const meta = signal<Meta | null>(null);
/** Envelope of the newest answer that a page drew: its snapshot, filters and notices. */
export const current = signal<AnswerMeta | null>(null);
/** Set while a newer version is published than the one that is shown. */
export const newer = signal("");
/** A run as the server tells of it while it goes. */
export const running = signal("");
/** How far behind the source the server's follower is, in seconds; null where it follows none. */
export const lag = signal<{ seconds: string; away: boolean } | null>(null);
export const drawer = signal(false);
export const now = signal(Date.now());
export const toast = signal("");

setInterval(() => {
  now.value = Date.now();
}, 30_000);

const scrolls = new Map<string, number>();
let entry = 0;
history.scrollRestoration = "manual";

/** Opens an address inside the pages; a foreign one leaves them. */
export function go(href: string, replace = false): void {
  const to = new URL(href, location.href);
  if (to.origin !== location.origin || to.pathname.startsWith("/api/")) {
    location.href = to.href;
    return;
  }
  scrolls.set(String(entry), scrollY);
  const moved = to.pathname !== location.pathname;
  if (replace) history.replaceState({ entry }, "", to.pathname + to.search);
  else history.pushState({ entry: ++entry }, "", to.pathname + to.search);
  place.value = read();
  drawer.value = false;
  if (moved && !replace) {
    scrollTo(0, 0);
    arriving = true;
    requestAnimationFrame(arrive);
  }
}

// Until the reader does something else, the heading of a page that was gone to takes the focus, also when its code comes late.
let arriving = false;
for (const kind of ["keydown", "pointerdown"])
  addEventListener(
    kind,
    () => {
      arriving = false;
    },
    true,
  );

/** Puts the focus on the heading after a move to another page. */
export function arrive(): void {
  if (arriving) document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
}

addEventListener("popstate", (e) => {
  scrolls.set(String(entry), scrollY);
  entry = (e.state as { entry?: number } | null)?.entry ?? 0;
  place.value = read();
  const y = scrolls.get(String(entry)) ?? 0;
  requestAnimationFrame(() => requestAnimationFrame(() => scrollTo(0, y)));
});

// Every link inside the pages is an ordinary one: a new tab, a copied address and a screen reader work by themselves.
addEventListener("click", (e) => {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const a = (e.target as Element | null)?.closest?.("a");
  const href = a?.getAttribute("href");
  if (!a || !href || a.getAttribute("target") || a.hasAttribute("download") || href.startsWith("#")) return;
  const to = new URL(href, location.href);
  if (to.origin !== location.origin || to.pathname.startsWith("/api/")) return;
  e.preventDefault();
  go(href);
});

/** Values that a page has without saying so; rows have others, see the API's grammar. */
export const defaults = computed((): Record<string, string> => {
  const m = meta.value;
  const range = m?.ranges?.find((r) => r.default)?.name ?? "";
  return { basis: m?.bases?.find((b) => b.default)?.name ?? "", range, vs: "prev", undated: "exclude", currency: m?.currency ?? "" };
});
export const rowDefaults: Record<string, string> = { range: "all" };

/** Sets parameters of the present place. A cursor never outlives a change. */
export function set(changes: Record<string, string | string[]>, options: { replace?: boolean; rows?: boolean } = {}): void {
  let pairs = place.value.pairs.filter(([n]) => n !== "after" || "after" in changes);
  for (const [name, value] of Object.entries(changes)) pairs = put(pairs, name, ...(Array.isArray(value) ? value : [value]));
  go(place.value.path + format(pairs, options.rows ? rowDefaults : defaults.value), options.replace);
}

export function param(name: string): string {
  return get(place.value.pairs, name);
}

/** An address with the filters of the present place. */
export function withFilters(path: string): string {
  return path + format(filtersOf(place.value.pairs));
}

/** The state's word and tone; a state that nobody named keeps its raw word. */
export function stateOf(name: string): { label: string; tone: string } {
  const s = meta.value?.states?.find((x) => x.name === name);
  return s ?? { label: name, tone: "unknown" };
}

export function may(role: string): boolean {
  return meta.value?.user.roles?.includes(role) ?? false;
}

export const theme = signal(document.documentElement.dataset.theme ?? "");
effect(() => {
  const t = theme.value;
  if (t) document.documentElement.dataset.theme = t;
  else delete document.documentElement.dataset.theme;
  try {
    if (t) localStorage.setItem("theme", t);
    else localStorage.removeItem("theme");
  } catch {
    /* A browser may forbid storage. */
  }
});

export function dark(): boolean {
  return theme.value ? theme.value === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

let clear = 0;
export function say(text: string): void {
  toast.value = text;
  window.clearTimeout(clear);
  clear = window.setTimeout(() => {
    toast.value = "";
  }, 3500);
}
