// A scatter with its medians, and dots with their spans: who is unusual.

import { extent, max, median } from "d3-array";
import { scaleLinear, scaleLog, scaleSqrt } from "d3-scale";
import type { Card } from "../lib/types";
import { num } from "../lib/format";
import { Frame, Grid } from "./frame";
import { clip, tickText } from "./columns";
import { twinOf, withUnit } from "./twin";

export function Scatter({ card }: { card: Card }) {
  const t = twinOf(card);
  const { x: xn, y: ys, size, label, color } = card.encoding;
  const yn = ys?.[0];
  const rows = t.rows.filter((r) => t.number(r, xn) !== null && t.number(r, yn) !== null);
  const xs = rows.map((r) => t.number(r, xn)!);
  const yv = rows.map((r) => t.number(r, yn)!);
  const midX = num(card.encoding.x_mid) ?? median(xs);
  const midY = num(card.encoding.y_mid) ?? median(yv);
  // Where the project says who is unusual, these are named, the biggest first; else the points that lie far out.
  const bad = rows
    .flatMap((q, i) => (t.value(q, color) === "bad" ? [i] : []))
    .sort((a, b) => (t.number(rows[b]!, size) ?? 0) - (t.number(rows[a]!, size) ?? 0));
  const named = bad.length ? bad.slice(0, 12) : outliers(xs, yv);
  return (
    <Frame
      label={card.answer}
      draw={(width, active) => {
        const height = Math.min(360, Math.max(260, width * 0.4));
        const [y0, y1] = extent(yv);
        const pad = ((y1 ?? 1) - (y0 ?? 0)) * 0.12 || 0.05;
        const cap = t.column(yn)?.format === "percent" ? 1 : Infinity;
        const y = scaleLinear([Math.max(0, (y0 ?? 0) - pad), Math.min(cap, (y1 ?? 1) + pad)], [height - 44, 34]).nice(4);
        const x = scaleLinear([0, (max(xs) ?? 1) * 1.06], [46, width - 12]).nice(5);
        const r = scaleSqrt([0, max(rows, (q) => t.number(q, size) ?? 1) || 1], [3, width < 500 ? 12 : 20]);
        return {
          height,
          marks: rows.map((q, i) => {
            const rad = Math.max(9, r(t.number(q, size) ?? 0));
            return {
              title: t.text(q, label),
              link: t.linkOf(q, label, yn, xn),
              x: x(xs[i]!),
              y: y(yv[i]!),
              hit: [x(xs[i]!) - rad, y(yv[i]!) - rad, 2 * rad, 2 * rad],
              lines: [xn, yn, size]
                .filter(Boolean)
                .map((c) => ({ label: t.column(c)?.label ?? c!, value: withUnit(t.text(q, c), t.column(c)) })),
            };
          }),
          body: (
            <>
              <Grid ticks={y.ticks(4)} y={y} left={46} right={width} text={tickText(t.column(yn)?.format)} />
              {x.ticks(6).map((v) => (
                <text key={v} class="tick" x={x(v)} y={height - 26} text-anchor="middle">
                  {tickText(t.column(xn)?.format)(v)}
                </text>
              ))}
              <text class="axis-title" x={width - 4} y={height - 6} text-anchor="end">
                {t.column(xn)?.label} →
              </text>
              <text class="axis-title" x={46} y={9}>
                ↑ {t.column(yn)?.label}
              </text>
              {midX !== undefined && <line class="median" x1={x(midX)} x2={x(midX)} y1={12} y2={height - 44} />}
              {midY !== undefined && <line class="median" x1={46} x2={width} y1={y(midY)} y2={y(midY)} />}
              {midY !== undefined && (
                <text class="tick" x={width - 2} y={y(midY) - 5} text-anchor="end">
                  median
                </text>
              )}
              {rows.map((q, i) => (
                <circle
                  key={i}
                  class={`bubble fill-${String(t.value(q, color) ?? "") || "accent"} ${active !== null && active !== i ? "faint" : ""}`}
                  cx={x(xs[i]!)}
                  cy={y(yv[i]!)}
                  r={r(t.number(q, size) ?? 0)}
                />
              ))}
              {apart(
                named.map((i) => {
                  const flip = x(xs[i]!) > width * 0.75;
                  return {
                    text: t.text(rows[i]!, label),
                    flip,
                    x: x(xs[i]!) + (flip ? -1 : 1) * (r(t.number(rows[i]!, size) ?? 0) + 5),
                    y: y(yv[i]!) + 4,
                  };
                }),
              ).map((l) => (
                <text key={l.text} class="label" text-anchor={l.flip ? "end" : "start"} x={l.x} y={l.y}>
                  {l.text}
                </text>
              ))}
            </>
          ),
        };
      }}
    />
  );
}

// The points farthest from the middle, measured in each axis' own spread.
function outliers(xs: number[], ys: number[]): number[] {
  const far = (v: number[]): ((n: number) => number) => {
    const m = median(v) ?? 0;
    const spread = median(v, (n) => Math.abs(n - m)) || 1;
    return (n) => Math.abs(n - m) / spread;
  };
  const fx = far(xs);
  const fy = far(ys);
  return xs
    .map((x, i) => [i, Math.max(fx(x), fy(ys[i]!))] as const)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 8)
    .map(([i]) => i);
}

interface Label {
  text: string;
  flip: boolean;
  x: number;
  y: number;
}

/** The labels that do not touch one before them; the others are in the tooltip and in the table. */
function apart(labels: Label[]): Label[] {
  const span = (l: Label): [number, number] => (l.flip ? [l.x - l.text.length * 7.5, l.x] : [l.x, l.x + l.text.length * 7.5]);
  const kept: Label[] = [];
  for (const l of labels) {
    const [a, b] = span(l);
    if (kept.every((k) => Math.abs(k.y - l.y) > 14 || span(k)[1] + 6 < a || span(k)[0] - 6 > b)) kept.push(l);
  }
  return kept;
}

export function Dots({ card }: { card: Card }) {
  const t = twinOf(card);
  const { label, y: ys, low, high, log, color } = card.encoding;
  const yn = ys?.[0];
  return (
    <Frame
      label={card.answer}
      draw={(width, active) => {
        const row = 28;
        const left = Math.min(190, width * 0.34);
        const height = t.rows.length * row + 26;
        const values = t.rows.flatMap((r) => [t.number(r, low), t.number(r, yn), t.number(r, high)]).filter((v): v is number => v !== null);
        const top = max(values) || 1;
        const x = log
          ? scaleLog([Math.max(0.01, Math.min(...values.filter((v) => v > 0), top)), top], [left, width - 16]).clamp(true)
          : scaleLinear([0, top], [left, width - 16]).nice();
        const ticks = log ? x.ticks(5).filter((v) => /^10*$/.test(String(Math.round(v)))) : x.ticks(width < 500 ? 3 : 6);
        return {
          height,
          marks: t.rows.map((r, i) => ({
            title: t.text(r, label),
            link: t.linkOf(r, yn, label),
            x: x(t.number(r, yn) ?? 0),
            y: i * row + row,
            hit: [0, i * row, width, row],
            lines: [low, yn, high]
              .filter(Boolean)
              .map((c) => ({ label: t.column(c)?.label ?? c!, value: withUnit(t.text(r, c), t.column(c)) })),
          })),
          body: (
            <>
              {ticks.map((v) => (
                <g key={v}>
                  <line class="grid" x1={x(v)} x2={x(v)} y1={0} y2={height - 22} />
                  <text class="tick" x={x(v)} y={height - 6} text-anchor="middle">
                    {tickText(t.column(yn)?.format)(v)}
                  </text>
                </g>
              ))}
              {t.rows.map((r, i) => {
                const cy = i * row + row / 2;
                const a = t.number(r, low);
                const b = t.number(r, high);
                const v = t.number(r, yn);
                return (
                  <g key={i} class={active !== null && active !== i ? "faint" : ""}>
                    <text class="label" x={0} y={cy + 4}>
                      {clip(t.text(r, label), left - 8)}
                    </text>
                    {a !== null && b !== null && <line class="span" x1={x(a)} x2={x(b)} y1={cy} y2={cy} />}
                    {v !== null && <circle class={"fill-" + (String(t.value(r, color) ?? "") || "accent")} cx={x(v)} cy={cy} r={5} />}
                  </g>
                );
              })}
            </>
          ),
        };
      }}
    />
  );
}
