// Where an amount went: totals stand on the floor, losses and parts hang from where the one before ended. Lies on its side on a phone.

import { max } from "d3-array";
import { scaleLinear } from "d3-scale";
import type { Card, Row } from "../lib/types";
import { short } from "../lib/format";
import { type Drawing, Frame, barPath } from "./frame";
import { type Twin, twinOf, withUnit } from "./twin";
import { clip } from "./columns";

interface Step {
  row: Row;
  from: number;
  to: number;
  value: number;
  tone: string;
  total: boolean;
}

/** The steps with where each begins and ends; a loss is drawn downwards whatever its sign in the data. */
export function steps(card: Card, t: Twin): Step[] {
  const { y, kind, color } = card.encoding;
  let level = 0;
  return t.rows.map((row) => {
    const v = t.number(row, y?.[0]) ?? 0;
    const total = String(t.value(row, kind) ?? "") === "total";
    const from = total ? 0 : level;
    const to = total ? v : level - Math.abs(v);
    level = to;
    const tone = String(t.value(row, color) ?? "") || (total ? "total" : "bad");
    return { row, from, to, value: total ? v : -Math.abs(v), tone, total };
  });
}

export function Waterfall({ card }: { card: Card }) {
  const t = twinOf(card);
  const s = steps(card, t);
  return <Frame label={card.answer} draw={(w, active) => (w < 420 ? lying(card, t, s, w, active) : standing(card, t, s, w, active))} />;
}

function mark(card: Card, t: Twin, s: Step): { title: string; lines: { label: string; value: string; tone: string }[]; link?: string } {
  const { label, y } = card.encoding;
  const more = t.columns.filter((c) => !c.hidden && c.name !== label && ["count", "money", "percent"].includes(c.format));
  return {
    title: t.text(s.row, label),
    link: t.linkOf(s.row, y?.[0], label),
    lines: more.map((c) => ({ label: c.label, value: withUnit(t.text(s.row, c.name), c), tone: c.name === y?.[0] ? s.tone : "none" })),
  };
}

function standing(card: Card, t: Twin, all: Step[], width: number, active: number | null): Drawing {
  const height = 260;
  const y = scaleLinear([0, max(all, (s) => Math.max(s.from, s.to)) || 1], [height - 42, 24]);
  const step = width / Math.max(1, all.length);
  const w = Math.min(64, step * 0.76);
  const count = t.columns.find((c) => c.format === "count" && !c.hidden);
  return {
    height,
    marks: all.map((s, i) => ({
      ...mark(card, t, s),
      hit: [i * step, 0, step, height],
      x: i * step + step / 2,
      y: Math.min(y(s.from), y(s.to)),
    })),
    body: (
      <>
        <line class="axis" x1={0} x2={width} y1={y(0)} y2={y(0)} />
        {all.map((s, i) => {
          const x = i * step + (step - w) / 2;
          const top = Math.min(y(s.from), y(s.to));
          return (
            <g key={i} class={active !== null && active !== i ? "faint" : ""}>
              {i > 0 && !s.total && <line class="grid" x1={x - step + w} x2={x} y1={y(s.from)} y2={y(s.from)} />}
              <path class={"fill-" + s.tone} d={barPath(x, top, w, Math.max(2, Math.abs(y(s.from) - y(s.to))), "all")} />
              <text class="value" x={x + w / 2} y={top - 7} text-anchor="middle">
                {short(s.value)}
              </text>
              <text class="label" x={x + w / 2} y={height - 24} text-anchor="middle">
                {clip(t.text(s.row, card.encoding.label), step)}
              </text>
              {count && (
                <text class="tick" x={x + w / 2} y={height - 8} text-anchor="middle">
                  {t.text(s.row, count.name)}
                </text>
              )}
            </g>
          );
        })}
      </>
    ),
  };
}

function lying(card: Card, t: Twin, all: Step[], width: number, active: number | null): Drawing {
  const row = 30;
  const left = Math.min(110, width * 0.32);
  const x = scaleLinear([0, max(all, (s) => Math.max(s.from, s.to)) || 1], [left, width - 58]);
  return {
    height: all.length * row,
    marks: all.map((s, i) => ({ ...mark(card, t, s), hit: [0, i * row, width, row], x: x(Math.min(s.from, s.to)), y: i * row + row })),
    body: all.map((s, i) => (
      <g key={i} class={active !== null && active !== i ? "faint" : ""}>
        <text class="label" x={0} y={i * row + 20}>
          {clip(t.text(s.row, card.encoding.label), left)}
        </text>
        <path
          class={"fill-" + s.tone}
          d={barPath(x(Math.min(s.from, s.to)), i * row + 6, Math.max(2, Math.abs(x(s.from) - x(s.to))), row - 12, "all")}
        />
        <text class="value" x={width} y={i * row + 20} text-anchor="end">
          {short(s.value)}
        </text>
      </g>
    )),
  };
}
