// A line without axes, beside the number that it explains.

import { extent } from "d3-array";
import { line } from "d3-shape";
import { scaleLinear } from "d3-scale";

export function Spark({
  values,
  tone = "accent",
  width = 132,
  height = 30,
}: {
  values: (number | null)[];
  tone?: string;
  width?: number;
  height?: number;
}) {
  const [lo, hi] = extent(values.filter((v): v is number => v !== null));
  if (lo === undefined || hi === undefined || values.length < 2) return null;
  const x = scaleLinear([0, values.length - 1], [2, width - 5]);
  const y = scaleLinear(lo === hi ? [lo - 1, hi + 1] : [lo, hi], [height - 4, 4]);
  const path = line<number | null>()
    .defined((v) => v !== null)
    .x((_, i) => x(i))
    .y((v) => y(v!))(values);
  const last = values.findLastIndex((v) => v !== null);
  return (
    <svg class={"spark stroke-" + tone} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <path class="series" d={path ?? ""} vector-effect="non-scaling-stroke" />
      <circle class={"fill-" + tone} cx={x(last)} cy={y(values[last]!)} r={2.4} />
    </svg>
  );
}
