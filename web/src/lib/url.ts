// State <-> URL. Only non-default values are written, in one order, so that equal states have equal addresses.

/** One parameter as it is in an address; its name carries the operator: "program", "program!", "amount>". */
export type Pair = [name: string, value: string];

// Filters that every page knows come first, those of the project next, view switches last.
const first = ["basis", "range", "from", "to", "vs", "undated", "currency"];
const last = ["sort", "fields", "limit", "after", "view", "card", "panel", "q", "table", "up", "down", "column"];

/** What a plain page shows; these values are never written. */
export interface Defaults {
  [name: string]: string;
}

export function parse(search: string): Pair[] {
  return [...new URLSearchParams(search)].filter(([name, value]) => name !== "" && value !== "");
}

function place(name: string): [number, number] {
  const i = first.indexOf(name);
  if (i >= 0) return [0, i];
  const j = last.indexOf(name);
  return j >= 0 ? [2, j] : [1, 0];
}

/** The pairs in their fixed order without defaults and without doubles. */
export function canonical(pairs: Pair[], defaults: Defaults = {}): Pair[] {
  const seen = new Set<string>();
  return pairs
    .filter(([name, value]) => {
      const key = name + "\0" + value;
      if (value === "" || defaults[name] === value || seen.has(key)) return false;
      seen.add(key);
      return true;
    })
    .sort((a, b) => {
      const [ga, ia] = place(a[0]);
      const [gb, ib] = place(b[0]);
      return ga - gb || ia - ib || (ga === 1 ? compare(a[0], b[0]) || compare(a[1], b[1]) : 0);
    });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Only what would break the query is escaped: an address is read by people.
function escape(text: string): string {
  return encodeURIComponent(text).replace(/%(3A|2C|2F|20|21|24|3B|40)/g, (all, hex: string) =>
    hex === "20" ? "+" : decodeURIComponent(all),
  );
}

export function format(pairs: Pair[], defaults: Defaults = {}): string {
  const text = canonical(pairs, defaults)
    .map(([name, value]) => escape(name) + "=" + escape(value))
    .join("&");
  return text ? "?" + text : "";
}

export function get(pairs: Pair[], name: string): string {
  return pairs.find(([n]) => n === name)?.[1] ?? "";
}

export function all(pairs: Pair[], name: string): string[] {
  return pairs.filter(([n]) => n === name).map(([, v]) => v);
}

/** The pairs with the named ones replaced; an empty list removes them. */
export function put(pairs: Pair[], name: string, ...values: string[]): Pair[] {
  return [...pairs.filter(([n]) => n !== name), ...values.filter(Boolean).map((v): Pair => [name, v])];
}

export function drop(pairs: Pair[], ...names: string[]): Pair[] {
  return pairs.filter(([n]) => !names.includes(n));
}

/** A name without its operator: "program!" is about program. */
export function bare(name: string): string {
  return name.replace(/[!<>~]$/, "");
}

const switches = new Set(last);

/** The pairs that say which rows are meant; they are carried over every link inside the pages. */
export function filtersOf(pairs: Pair[]): Pair[] {
  return pairs.filter(([name]) => !switches.has(name));
}

const filling = /\{(\+?)([^}]+)\}/g;

/** Fills a column's link template with a row's values: {col} is encoded, {+col} is put in as it is. Null where a raw part is missing. */
export function fill(template: string, value: (column: string) => unknown): string {
  return template.replace(filling, (_, raw: string, column: string) => {
    const v = value(column);
    if (raw) return v == null ? "" : String(v);
    return v == null || v === "" ? "is:null" : encodeURIComponent(String(v)).replace(/%3A/g, ":");
  });
}
