// Numbers, days and times as people read them. Decimals come as text and are never turned into floats to be printed.

import type { Value } from "./types";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

export const none = "–";

/** Groups the digits of a decimal in text: "-1234567.5000" with two places is "−1,234,567.50". Rounds half away from zero. */
export function decimal(text: string, places?: number): string {
  const m = /^([-+]?)(\d+)(?:\.(\d*))?$/.exec(text.trim());
  if (!m) return text;
  let [, sign, whole, rest = ""] = m as unknown as [string, string, string, string | undefined];
  if (places === undefined) rest = rest.replace(/0+$/, "");
  else if (rest.length > places) {
    const digits = whole + rest.slice(0, places);
    const up = rest[places]! >= "5" ? 1n : 0n;
    const next = (BigInt(digits) + up).toString().padStart(digits.length, "0");
    whole = next.slice(0, next.length - places) || "0";
    rest = places ? next.slice(next.length - places) : "";
  } else rest = rest.padEnd(places, "0");
  const zero = /^0*$/.test(whole + rest);
  const grouped = whole.replace(/^0+(?=\d)/, "").replace(/\B(?=(\d{3})+$)/g, ",");
  return (sign === "-" && !zero ? "−" : "") + grouped + (rest ? "." + rest : "");
}

/** Three significant figures with a letter: 325480000 is "325M". */
export function short(n: number): string {
  const a = Math.abs(n);
  const sign = n < 0 ? "−" : "";
  for (const [size, letter] of [
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (a >= size * 0.99995 && a >= 1000) {
      const v = a / size;
      return sign + trim(v >= 99.95 ? v.toFixed(0) : v.toFixed(1)) + letter;
    }
  }
  return sign + trim(a >= 100 ? a.toFixed(0) : a >= 1 || a === 0 ? a.toFixed(1) : a.toPrecision(2));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A number to draw with; null where there is none. */
export function num(v: unknown): number | null {
  if (v === null || v === undefined || v === "") return null;
  const n = Number(v);
  return Number.isFinite(n) ? n : null;
}

export function day(text: string, year = true): string {
  const m = /^(\d{4})-(\d\d)-(\d\d)/.exec(text);
  if (!m) return text;
  return `${Number(m[3])} ${months[Number(m[2]) - 1]}${year ? " " + m[1] : ""}`;
}

export function weekday(text: string): string {
  const d = new Date(text.slice(0, 10) + "T00:00:00Z");
  return Number.isNaN(d.getTime()) ? text : `${weekdays[d.getUTCDay()]} ${day(text)}`;
}

export function month(text: string): string {
  const m = /^(\d{4})-(\d\d)/.exec(text);
  return m ? `${months[Number(m[2]) - 1]} ${m[1]}` : text;
}

/** A day of a time axis by its grain, in full. */
export function bucket(text: string, grain?: string): string {
  if (grain === "month") return month(text);
  return grain === "week" ? "Week from " + day(text) : weekday(text);
}

/** A time in the project's zone; unknown zones fall back to UTC and say so. */
export function time(text: string, zone: string): string {
  const d = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : text.replace(" ", "T") + "Z");
  if (Number.isNaN(d.getTime())) return text;
  try {
    const p = Object.fromEntries(
      new Intl.DateTimeFormat("en-GB", {
        timeZone: zone || "UTC",
        day: "numeric",
        month: "short",
        year: "numeric",
        hour: "2-digit",
        minute: "2-digit",
        hour12: false,
      })
        .formatToParts(d)
        .map((x) => [x.type, x.value]),
    );
    return `${p.day} ${p.month!.slice(0, 3)} ${p.year}, ${p.hour}:${p.minute}`;
  } catch {
    return d.toISOString().slice(0, 16).replace("T", " ") + " UTC";
  }
}

export function seconds(s: number): string {
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${trim(s.toFixed(1))} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}

export function ago(then: string, now: number): string {
  const s = Math.max(0, (now - Date.parse(then)) / 1000);
  if (s < 90) return "just now";
  if (s < 5400) return `${Math.round(s / 60)} minutes old`;
  return s < 172800 ? `${Math.round(s / 3600)} hours old` : `${Math.round(s / 86400)} days old`;
}

export function percent(v: unknown, places = 1): string {
  const n = num(v);
  return n === null ? none : trim((n * 100).toFixed(places)).replace("-", "−") + "%";
}

export interface Style {
  zone?: string;
  state?: (name: string) => string;
  short?: boolean;
}

/** Any value in its column's format. */
export function cell(v: Value | undefined, kind: string, style: Style = {}): string {
  if (v === null || v === undefined || v === "") return none;
  const text = String(v);
  const n = num(v);
  switch (kind) {
    case "count":
      return style.short && n !== null ? short(n) : decimal(text);
    case "money":
      return style.short && n !== null ? short(n) : decimal(text, 2);
    case "percent":
      return percent(v);
    case "days":
      return n === null ? text : trim(n.toFixed(1)) + " d";
    case "number":
      return n === null ? text : style.short ? short(n) : number(text);
    case "day":
      return day(text);
    case "time":
      return time(text, style.zone ?? "UTC");
    case "state":
      return style.state?.(text) ?? text;
    case "bool":
      return text === "true" ? "yes" : text === "false" ? "no" : text;
    case "json":
      return text;
    default:
      return text;
  }
}

function number(text: string): string {
  const places = /\.(\d+)/.exec(text)?.[1]?.length ?? 0;
  return decimal(text, Math.min(places, 3))
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");
}

/** Right-aligned formats. */
export function numeric(kind: string): boolean {
  return ["count", "money", "percent", "days", "number"].includes(kind);
}

export function plural(n: number, one: string, many = one + "s"): string {
  return `${decimal(String(n))} ${n === 1 ? one : many}`;
}
