// Bars, lines and areas over an x axis; each series in a panel of its own where the encoding says so, never two y axes.

import { max, maxIndex, min } from "d3-array";
import { scaleBand, scaleLinear } from "d3-scale";
import { area, curveMonotoneX, line } from "d3-shape";
import type { Card } from "../lib/types";
import { bucket, day, decimal, month, num, short } from "../lib/format";
import { type Drawing, type Mark, Frame, Grid, barPath, every, tonesOf } from "./frame";
import { type Twin, twinOf, withUnit } from "./twin";

const left = 46;

export function tickText(format: string | undefined): (n: number) => string {
  return (n) => (format === "percent" ? `${Math.round(n * 1000) / 10}%` : short(n));
}

export function axisText(text: string, format: string | undefined, grain: string | undefined): string {
  if (format !== "day") return text;
  return grain === "month" ? month(text) : day(text, false);
}

export function Columns({ card }: { card: Card }) {
  const t = twinOf(card);
  const panels = card.encoding.panels ? (card.encoding.y ?? []).map((y) => [y]) : [card.encoding.y ?? []];
  if (card.encoding.below) panels.push([card.encoding.below]);
  return <Frame label={card.answer} draw={(w, active) => drawColumns(card, t, panels, w, active)} />;
}

function drawColumns(card: Card, t: Twin, panels: string[][], width: number, active: number | null): Drawing {
  const { x: xName, grain } = card.encoding;
  const name = xName ?? card.encoding.label;
  const xColumn = t.column(name);
  const flat = panels.flat();
  const tones = tonesOf(flat.map((s) => t.column(s)?.color));
  const toneOf = (s: string): string => tones[flat.indexOf(s)]!;
  const below = card.encoding.below;
  const tall = card.encoding.panels ? 120 : card.mark === "histogram" || below ? 200 : 220;
  const tops = panels.map((series, p) => p * tall + (series[0] === below ? 14 : 0));
  const heights = panels.map((series) => (series[0] === below ? 108 : tall));
  const height = tops[panels.length - 1]! + heights[panels.length - 1]! + 26;
  const x = scaleBand<number>()
    .domain(t.rows.map((_, i) => i))
    .range([left, width - 4])
    .paddingInner(0.28)
    .paddingOuter(0.12);
  const mid = (i: number): number => (x(i) ?? 0) + x.bandwidth() / 2;
  const label = (i: number): string => axisText(String(t.value(t.rows[i]!, name) ?? "–"), xColumn?.format, grain);
  const step = every(t.rows.length, width - left, xColumn?.format === "day" ? 76 : 96);
  const body = panels.map((series, p) => {
    const values = t.rows.flatMap((r) => series.map((s) => t.number(r, s) ?? 0));
    const refs = (card.lines ?? []).filter((l) => l.axis === "y").map((l) => ({ at: num(l.value) ?? 0, label: l.label }));
    const y = scaleLinear(
      [Math.min(0, min(values) ?? 0), Math.max(max(values) ?? 1, ...refs.map((r) => r.at)) || 1],
      [tops[p]! + heights[p]! - 8, tops[p]! + (series[0] === below ? 22 : 14)],
    ).nice(4);
    const filled = card.mark === "area" || series[0] === below;
    return (
      <g key={p}>
        <Grid
          ticks={y.ticks(heights[p]! > 150 ? 4 : 3)}
          y={y}
          left={left}
          right={width}
          text={tickText(t.column(series[0])?.format)}
          lines={p === 0 ? refs : []}
        />
        {(card.encoding.panels || series[0] === below) && (
          <text class="panel-title" x={left} y={tops[p]! + 6}>
            {t.column(series[0])?.label}
          </text>
        )}
        {card.mark === "line" || filled
          ? series.map((s) => <Path key={s} t={t} s={s} area={filled} values={s === below} tone={toneOf(s)} x={mid} y={y} />)
          : series.map((s, i) => {
              const w = x.bandwidth() / series.length;
              return (
                <g key={s} class={"fill-" + toneOf(s)}>
                  {t.rows.map((r, j) => {
                    const v = t.number(r, s);
                    if (!v) return null;
                    const top = Math.min(y(v), y(0));
                    return (
                      <path
                        key={j}
                        class={active !== null && active !== j ? "faint" : ""}
                        d={barPath((x(j) ?? 0) + i * w, top, Math.max(w - (w > 6 ? 1.5 : 0), 0.8), Math.max(Math.abs(y(v) - y(0)), 1))}
                      />
                    );
                  })}
                </g>
              );
            })}
      </g>
    );
  });
  const marks: Mark[] = t.rows.map((r, i) => ({
    title: xColumn?.format === "day" ? bucket(String(t.value(r, name)), grain) : t.text(r, name),
    lines: flat.map((s) => ({ label: t.column(s)?.label ?? s, value: withUnit(t.text(r, s), t.column(s)), tone: toneOf(s) })),
    link: t.linkOf(r, ...flat, name),
    hit: [(x(i) ?? 0) - (x.step() - x.bandwidth()) / 2, 6, x.step(), height - 30],
    x: mid(i),
    y: 40,
  }));
  return {
    height,
    marks,
    body: (
      <>
        {active !== null && <line class="cursor" x1={mid(active)} x2={mid(active)} y1={6} y2={height - 26} />}
        {body}
        {t.rows.map(
          (_, i) =>
            i % step === 0 && (
              <text key={i} class="tick" x={mid(i)} y={height - 6} text-anchor={i === 0 && step > 1 ? "start" : "middle"}>
                {clip(label(i), step * x.step())}
              </text>
            ),
        )}
      </>
    ),
  };
}

/** Cuts a label to its room; the whole is in the tooltip and in the table. */
export function clip(text: string, room: number): string {
  const n = Math.max(3, Math.floor(room / 6.4));
  return text.length > n ? text.slice(0, n - 1) + "…" : text;
}

const exact = (n: number): string => (Math.abs(n) < 10_000 ? decimal(String(n)) : short(n));

interface PathProps {
  t: Twin;
  s: string;
  tone: string;
  x: (i: number) => number;
  y: (n: number) => number;
  area: boolean;
  values: boolean;
}

/** A series as a line that ends in a dot; with values, the highest and the last point say theirs. */
function Path({ t, s, tone, x, y, area: filled, values }: PathProps) {
  const points = t.rows.map((r, i): [number, number | null] => [x(i), t.number(r, s)]);
  const l = line<[number, number | null]>()
    .defined((p) => p[1] !== null)
    .x((p) => p[0])
    .y((p) => y(p[1]!))
    .curve(curveMonotoneX);
  const a = area<[number, number | null]>()
    .defined((p) => p[1] !== null)
    .x((p) => p[0])
    .y0(y(0))
    .y1((p) => y(p[1]!))
    .curve(curveMonotoneX);
  const end = points.findLast((p) => p[1] !== null);
  const top = points[maxIndex(points, (p) => p[1])];
  const apart = end && top && end[0] - top[0] > 56 && top[1]! > end[1]!;
  return (
    <g class={"stroke-" + tone}>
      {filled && <path class={"area fill-" + tone} d={a(points) ?? ""} />}
      <path class="series" d={l(points) ?? ""} />
      {end && <circle class={"fill-" + tone} cx={end[0]} cy={y(end[1]!)} r={3} />}
      {values && end && (
        <text class="value" x={end[0] + 4} y={y(end[1]!) - 8} text-anchor="end">
          {exact(end[1]!)}
        </text>
      )}
      {values && apart && (
        <text class="value" x={Math.max(top[0], x(0) + 16)} y={y(top[1]!) - 6} text-anchor="middle">
          {exact(top[1]!)}
        </text>
      )}
    </g>
  );
}

export function Legend({ card }: { card: Card }) {
  const t = twinOf(card);
  const y = card.encoding.y ?? [];
  if (y.length < 2 || card.encoding.panels) return null;
  const tones = tonesOf(y.map((s) => t.column(s)?.color));
  return (
    <div class="legend">
      {y.map((s, i) => (
        <span key={s}>
          <i class={"dot tone-" + tones[i]} />
          {t.column(s)?.label ?? s}
        </span>
      ))}
    </div>
  );
}
