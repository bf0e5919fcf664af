// Horizontal bars and the tinted table. Both are tables with marks in their cells: the table twin is the chart itself.

import { max } from "d3-array";
import { useEffect, useRef } from "preact/hooks";
import type { Card, Row } from "../lib/types";
import { num, numeric } from "../lib/format";
import { type Twin, twinOf } from "./twin";
import { axisText } from "./columns";
import { Linked } from "../parts/cells";
import { tonesOf } from "./frame";

export function Bars({ card }: { card: Card }) {
  const t = twinOf(card);
  const { label, y: ys, color } = card.encoding;
  const y = ys ?? [];
  const sum = (r: Row): number => y.reduce((s, n) => s + Math.abs(t.number(r, n) ?? 0), 0);
  const top = max(t.rows, sum) || 1;
  const rest = t.columns.filter((c) => !c.hidden && c.name !== label && c.name !== color && numeric(c.format)).slice(0, 3);
  const promise = card.lines?.[0];
  const cut = promise ? t.rows.findIndex((r) => !["good", ""].includes(String(t.value(r, color) ?? ""))) : -1;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={card.question}>
      <table class="bars">
        <thead>
          <tr>
            <th scope="col">{t.column(label)?.label}</th>
            <td aria-hidden="true" />
            {rest.map((c) => (
              <th key={c.name} scope="col" class="n">
                {c.label}
                {c.unit ? ` ${c.unit}` : ""}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {t.rows.map((r, i) => (
            <>
              {i === cut && promise && (
                <tr class="promise-row">
                  <td colSpan={2 + rest.length}>
                    <span>{promise.label}</span>
                  </td>
                </tr>
              )}
              <tr key={i}>
                <th scope="row">
                  <Linked link={t.link(r, label)}>{t.text(r, label)}</Linked>
                </th>
                <td class="bar">
                  <Bar r={r} t={t} y={y} top={top} tone={String(t.value(r, color) ?? "")} link={t.linkOf(r, y[0], label)} />
                </td>
                {rest.map((c, j) => (
                  <td key={c.name} class={"n" + (j ? " quiet" : " strong")}>
                    <Linked link={t.link(r, c.name)}>{t.text(r, c.name, c.format === "money")}</Linked>
                  </td>
                ))}
              </tr>
            </>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Bar({ r, t, y, top, tone, link }: { r: Row; t: Twin; y: string[]; top: number; tone: string; link?: string }) {
  const tones = tonesOf(y.map((s) => t.column(s)?.color));
  let x = 0;
  const svg = (
    <svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {y.map((s, i) => {
        const w = (Math.abs(t.number(r, s) ?? 0) / top) * 100;
        const at = x;
        x += w;
        return (
          w > 0 && (
            <rect
              key={s}
              class={"fill-" + ((y.length === 1 && tone) || tones[i])}
              x={at}
              y={0}
              width={Math.max(0.6, w - (i < y.length - 1 ? 0.6 : 0))}
              height={12}
              rx={0.8}
            />
          )
        );
      })}
    </svg>
  );
  return link ? (
    <a href={link} tabIndex={-1} aria-hidden="true">
      {svg}
    </a>
  ) : (
    svg
  );
}

export function Tinted({ card }: { card: Card }) {
  const scroll = useRef<HTMLDivElement | null>(null);
  // The newest is on the right: a long table begins there.
  useEffect(() => {
    const el = scroll.current;
    if (el) el.scrollLeft = el.scrollWidth;
  }, [card]);
  const t = twinOf(card);
  const { x, y, split, label, grain } = card.encoding;
  const value = y?.[0];
  const side = split ?? label;
  const heads = [...new Map(t.rows.map((r) => [String(t.value(r, x)), r])).entries()].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const sides = [...new Map(t.rows.map((r) => [String(t.value(r, side)), r])).values()];
  const at = new Map(t.rows.map((r) => [String(t.value(r, side)) + "\0" + String(t.value(r, x)), r]));
  const numbers = t.rows.map((r) => num(t.value(r, value)) ?? 0).sort((a, b) => a - b);
  // Five tints: the lower half is pale, and only what stands out is strong.
  const lo = numbers[Math.floor(numbers.length * 0.5)] ?? 0;
  const hi = numbers[numbers.length - 1] ?? 1;
  const tint = (n: number | null): number =>
    n === null ? 0 : n <= 0 ? 0 : n <= lo ? 1 : Math.min(5, 2 + Math.floor(((n - lo) / (hi - lo || 1)) * 3.999));
  return (
    <div class="scroll" ref={scroll} tabIndex={0} role="group" aria-label={card.question}>
      <table class="tinted">
        <thead>
          <tr>
            <th scope="col">{t.column(side)?.label}</th>
            {heads.map(([k]) => (
              <th key={k} scope="col" class="n">
                {axisText(k, t.column(x)?.format, grain)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sides.map((s) => (
            <tr key={String(t.value(s, side))}>
              <th scope="row">
                <Linked link={t.link(s, side)}>{t.text(s, side)}</Linked>
              </th>
              {heads.map(([k]) => {
                const r = at.get(String(t.value(s, side)) + "\0" + k);
                return (
                  <td key={k} class={"tint-" + tint(r ? t.number(r, value) : null)}>
                    {r ? <Linked link={t.linkOf(r, value)}>{tidy(t.text(r, value))}</Linked> : "–"}
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

function tidy(text: string): string {
  return text.endsWith("%") ? Math.round(Number(text.slice(0, -1).replace("−", "-"))) + "%" : text;
}
