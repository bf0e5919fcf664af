// The frame of every chart: it measures the width, lays one link over each mark, shows the tooltip and reads the chart
// point by point with the arrow keys. A chart only says what it draws (body) and where its marks are (marks).

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { go } from "../lib/state";

export interface Line {
  label: string;
  value: string;
  tone?: string;
}
/** One thing that can be pointed at: its area, what it says, and the rows it leads to. */
export interface Mark {
  title: string;
  lines: Line[];
  link?: string;
  hit: [x: number, y: number, width: number, height: number];
  x: number;
  y: number;
}
export interface Drawing {
  height: number;
  marks: Mark[];
  body: ComponentChildren;
  top?: ComponentChildren;
}

interface Props {
  /** The chart in one sentence. */
  label: string;
  draw: (width: number, active: number | null) => Drawing;
}

export function useWidth(): [ref: { current: HTMLDivElement | null }, width: number] {
  const ref = useRef<HTMLDivElement | null>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const el = ref.current;
    if (!el) return;
    setWidth(el.clientWidth);
    const watch = new ResizeObserver(() => setWidth(el.clientWidth));
    watch.observe(el);
    return () => watch.disconnect();
  }, []);
  return [ref, width];
}

export function Frame({ label, draw }: Props) {
  const [ref, width] = useWidth();
  const [active, setActive] = useState<number | null>(null);
  const tip = useRef<HTMLDivElement | null>(null);
  const d = width ? draw(width, active) : null;
  const mark = d && active !== null ? d.marks[active] : undefined;

  // The tooltip is placed by the CSS object model, which the content policy allows; it stays inside the card.
  useEffect(() => {
    const el = tip.current;
    if (!el || !mark) return;
    const left = mark.x + 14 + el.offsetWidth > width ? mark.x - 14 - el.offsetWidth : mark.x + 14;
    el.style.left = Math.max(0, Math.min(left, width - el.offsetWidth)) + "px";
    el.style.top = Math.max(0, mark.y - 20) + "px";
  });

  const key = (e: KeyboardEvent): void => {
    if (!d || !d.marks.length) return;
    const n = d.marks.length;
    const step: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (e.key in step) setActive(active === null ? (step[e.key]! > 0 ? 0 : n - 1) : (active + step[e.key]! + n) % n);
    else if (e.key === "Home") setActive(0);
    else if (e.key === "End") setActive(n - 1);
    else if (e.key === "Escape" && active !== null) setActive(null);
    else if (e.key === "Enter" && mark?.link) go(mark.link);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };

  return (
    <div
      class="chart"
      ref={ref}
      tabIndex={0}
      role="group"
      aria-roledescription="chart"
      aria-label={label + " Arrow keys read it point by point."}
      onKeyDown={key}
      onBlur={() => setActive(null)}
      onMouseLeave={() => setActive(null)}
    >
      {d && (
        <svg viewBox={`0 0 ${width} ${d.height}`} width={width} height={d.height} aria-hidden="true" focusable="false">
          {d.body}
          {d.marks.map((m, i) => {
            const area = <rect class="hit" x={m.hit[0]} y={m.hit[1]} width={Math.max(0, m.hit[2])} height={Math.max(0, m.hit[3])} />;
            return m.link ? (
              <a key={i} href={m.link} tabindex={-1} onMouseEnter={() => setActive(i)}>
                {area}
              </a>
            ) : (
              <g key={i} onMouseEnter={() => setActive(i)}>
                {area}
              </g>
            );
          })}
        </svg>
      )}
      {mark && (
        <div class="tip" ref={tip}>
          <b>{mark.title}</b>
          {mark.lines.map((l) => (
            <div key={l.label}>
              <i class={"dot tone-" + (l.tone ?? "none")} />
              <span>{l.label}</span>
              <em>{l.value}</em>
            </div>
          ))}
          {mark.link && <small>Click or Enter to list them</small>}
        </div>
      )}
      <div class="sr" aria-live="polite">
        {mark ? mark.title + ": " + mark.lines.map((l) => `${l.label} ${l.value}`).join(", ") : ""}
      </div>
    </div>
  );
}

/** Horizontal grid lines with their labels, and the promises to read a chart against. */
export function Grid({
  ticks,
  y,
  left,
  right,
  text,
  lines = [],
}: {
  ticks: number[];
  y: (n: number) => number;
  left: number;
  right: number;
  text: (n: number) => string;
  lines?: { at: number; label: string }[];
}) {
  return (
    <>
      {ticks.map((t) => (
        <g key={t}>
          <line class={t === 0 ? "axis" : "grid"} x1={left} x2={right} y1={y(t)} y2={y(t)} />
          <text class="tick" x={left - 8} y={y(t) + 4} text-anchor="end">
            {text(t)}
          </text>
        </g>
      ))}
      {lines.map((l) => (
        <g key={l.label}>
          <line class="promise" x1={left} x2={right} y1={y(l.at)} y2={y(l.at)} />
          <text class="promise-text" x={right} y={y(l.at) - 4} text-anchor="end">
            {l.label}
          </text>
        </g>
      ))}
    </>
  );
}

/** A bar with its free end rounded. */
export function barPath(x: number, y: number, w: number, h: number, side: "top" | "right" | "all" = "top"): string {
  const r = Math.min(3, w / 2, h / 2);
  if (h <= 0 || w <= 0) return "";
  if (side === "top") return `M${x},${y + h}v${-(h - r)}q0,${-r} ${r},${-r}h${w - 2 * r}q${r},0 ${r},${r}v${h - r}z`;
  if (side === "right") return `M${x},${y}h${w - r}q${r},0 ${r},${r}v${h - 2 * r}q0,${r} ${-r},${r}h${-(w - r)}z`;
  const [wide, high] = [w - 2 * r, h - 2 * r];
  return (
    `M${x + r},${y}h${wide}q${r},0 ${r},${r}v${high}q0,${r} ${-r},${r}` +
    `h${-wide}q${-r},0 ${-r},${-r}v${-high}q0,${-r} ${r},${-r}z`
  );
}

/** Every n-th label, so that labels of about size pixels never touch. */
export function every(count: number, width: number, size: number): number {
  return Math.max(1, Math.ceil((count * size) / Math.max(width, 1)));
}

const order = ["s1", "accent", "s3", "s4", "s5"];
/** The tones of series, in their order: what the server says, unless two would look the same. */
export function tonesOf(colors: (string | undefined)[]): string[] {
  // Good and accent are drawn alike.
  const given = colors.map((c) => (c === "good" && colors.includes("accent") ? "" : (c ?? "")));
  const apart = new Set(given).size === given.length && !given.includes("");
  return given.map((c, i) => (apart || (c && given.length === 1) ? c : given.length === 1 ? "accent" : order[i % order.length]!));
}
