// A card's table read by column names: values, links and words for charts and table twins alike.

import type { Card, Column, Row, Value } from "../lib/types";
import { fill } from "../lib/url";
import { cell, num } from "../lib/format";
import { meta, stateOf } from "../lib/state";

export class Twin {
  readonly columns: Column[];
  readonly rows: Row[];
  private readonly places: Map<string, number>;

  constructor(columns: Column[] | null, rows: Row[] | null) {
    this.columns = columns ?? [];
    this.rows = rows ?? [];
    this.places = new Map(this.columns.map((c, i) => [c.name, i]));
  }

  column(name: string | undefined): Column | undefined {
    return name === undefined ? undefined : this.columns[this.places.get(name) ?? -1];
  }

  value(row: Row, name: string | undefined): Value {
    return name === undefined ? null : (row[this.places.get(name) ?? -1] ?? null);
  }

  number(row: Row, name: string | undefined): number | null {
    return num(this.value(row, name));
  }

  link(row: Row, name: string | undefined): string | undefined {
    const template = this.column(name)?.link;
    return template ? fill(template, (c) => this.value(row, c)) : undefined;
  }

  /** The link of a mark: of its series, else of its label. */
  linkOf(row: Row, ...names: (string | undefined)[]): string | undefined {
    for (const n of names) {
      const link = this.link(row, n);
      if (link) return link;
    }
    return undefined;
  }

  text(row: Row, name: string | undefined, short = false): string {
    const c = this.column(name);
    return cell(this.value(row, name), c?.format ?? "text", { zone: meta.value?.time_zone, state: (s) => stateOf(s).label, short });
  }
}

export function twinOf(card: Card): Twin {
  return new Twin(card.columns, card.rows);
}

/** A number of a series with its unit, for tooltips. */
export function withUnit(text: string, c: Column | undefined): string {
  return c?.unit && text !== "–" ? `${c.unit} ${text}` : text;
}
