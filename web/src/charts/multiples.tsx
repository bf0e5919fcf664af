// Small multiples: one panel for each value of a column, all on the same axes.

import { group, max } from "d3-array";
import { scaleLinear, scalePoint } from "d3-scale";
import { area, curveMonotoneX, line } from "d3-shape";
import type { Card, Row } from "../lib/types";
import { bucket, short } from "../lib/format";
import { Frame, tonesOf } from "./frame";
import { axisText } from "./columns";
import { twinOf, withUnit } from "./twin";

export function Multiples({ card }: { card: Card }) {
  const t = twinOf(card);
  const { x, y: ys, split, grain } = card.encoding;
  const y = ys ?? [];
  const tones = tonesOf(y.map((s) => t.column(s)?.color));
  const top = max(t.rows.flatMap((r) => y.map((s) => t.number(r, s) ?? 0))) || 1;
  const days = [...new Set(t.rows.map((r) => String(t.value(r, x))))].sort();
  const groups = [...group(t.rows, (r) => String(t.value(r, split)))];
  return (
    <div class="multiples">
      {groups.map(([key, rows]) => (
        <div key={key}>
          <h3>{t.text(rows[0]!, split)}</h3>
          <Frame
            label={`${t.text(rows[0]!, split)} of: ${card.question}`}
            draw={(width, active) => {
              const height = 110;
              const px = scalePoint(days, [34, width - 6]);
              const py = scaleLinear([0, top], [height - 20, 8]).nice(3);
              const sorted: Row[] = [...rows].sort((a, b) => (String(t.value(a, x)) < String(t.value(b, x)) ? -1 : 1));
              const at = (r: Row): number => px(String(t.value(r, x))) ?? 0;
              const step = (width - 40) / Math.max(1, days.length - 1);
              return {
                height,
                marks: sorted.map((r) => ({
                  title: bucket(String(t.value(r, x)), grain),
                  link: t.linkOf(r, ...y, x),
                  x: at(r),
                  y: 30,
                  hit: [at(r) - step / 2, 0, step, height - 18],
                  lines: y.map((s, i) => ({ label: t.column(s)?.label ?? s, value: withUnit(t.text(r, s), t.column(s)), tone: tones[i]! })),
                })),
                body: (
                  <>
                    {py.ticks(2).map((v) => (
                      <g key={v}>
                        <line class={v ? "grid" : "axis"} x1={34} x2={width} y1={py(v)} y2={py(v)} />
                        <text class="tick" x={28} y={py(v) + 4} text-anchor="end">
                          {short(v)}
                        </text>
                      </g>
                    ))}
                    {y.map((s, i) => {
                      const tone = tones[i]!;
                      const value = (r: Row): number => py(t.number(r, s) ?? 0);
                      return (
                        <g key={s} class={"stroke-" + tone}>
                          {card.mark === "area" && (
                            <path
                              class={"area fill-" + tone}
                              d={area<Row>().x(at).y0(py(0)).y1(value).curve(curveMonotoneX)(sorted) ?? ""}
                            />
                          )}
                          <path class="series" d={line<Row>().x(at).y(value).curve(curveMonotoneX)(sorted) ?? ""} />
                        </g>
                      );
                    })}
                    {active !== null && sorted[active] && (
                      <line class="cursor" x1={at(sorted[active]!)} x2={at(sorted[active]!)} y1={4} y2={height - 20} />
                    )}
                    <text class="tick" x={34} y={height - 4}>
                      {axisText(days[0] ?? "", "day", grain)}
                    </text>
                    <text class="tick" x={width - 4} y={height - 4} text-anchor="end">
                      {axisText(days[days.length - 1] ?? "", "day", grain)}
                    </text>
                  </>
                ),
              };
            }}
          />
        </div>
      ))}
    </div>
  );
}
