// A card: the question, its answer in a sentence, the chart, the table twin, what it means, and the way to its rows.

import { useState } from "preact/hooks";
import type { Card as CardData } from "../lib/types";
import { current, may, meta, param, place, say, set } from "../lib/state";
import { decimal } from "../lib/format";
import { Columns, Legend } from "../charts/columns";
import { Multiples } from "../charts/multiples";
import { Waterfall } from "../charts/waterfall";
import { Dots, Scatter } from "../charts/points";
import { Bars, Tinted } from "../charts/bars";
import { Code, Rows, Sentence } from "./cells";
import { Icon } from "./icon";
import { Popover } from "./menu";
import { Trouble } from "./states";

function Drawing({ card }: { card: CardData }) {
  if (card.encoding.split && ["line", "area", "columns"].includes(card.mark))
    return (
      <>
        <Legend card={card} />
        <Multiples card={card} />
      </>
    );
  switch (card.mark) {
    case "columns":
    case "line":
    case "area":
    case "histogram":
      return (
        <>
          <Legend card={card} />
          <Columns card={card} />
        </>
      );
    case "bars":
      return <Bars card={card} />;
    case "waterfall":
      return <Waterfall card={card} />;
    case "tinted":
      return <Tinted card={card} />;
    case "scatter":
      return <Scatter card={card} />;
    case "dots":
      return <Dots card={card} />;
    default:
      return <Rows label={card.question} columns={card.columns} rows={card.rows} />;
  }
}

/** Widths in twelfths: a row is always filled, by narrowing a card that nearly fits and widening the last one. */
export function pack(cards: CardData[]): number[] {
  const want: Record<string, number> = { third: 4, half: 6, wide: 8, full: 12 };
  const spans: number[] = [];
  let left = 12;
  for (const c of cards) {
    let n = want[c.width] ?? 6;
    if (n > left && n <= 8 && left >= 4) n = left;
    else if (n > left) {
      spans[spans.length - 1]! += left;
      left = 12;
    }
    spans.push(n);
    left = left - n || 12;
  }
  if (left < 12) spans[spans.length - 1]! += left;
  return spans;
}

export function Card({ card, span, retry }: { card: CardData; span: number; retry: () => void }) {
  const [table, setTable] = useState(param("view") === "table" && param("card") === card.id);
  const drawn = card.mark !== "table";
  const rows = card.rows ?? [];
  const id = "card-" + card.id;
  return (
    <section
      class={"card w-" + span}
      id={id}
      aria-labelledby={id + "-title"}
      onKeyDown={(e) => {
        if (e.key === "t" && drawn && !(e.target instanceof HTMLInputElement) && !e.ctrlKey && !e.metaKey) setTable(!table);
      }}
    >
      <header>
        <div>
          <h2 id={id + "-title"}>{card.question}</h2>
          <p class="answer">
            <Sentence text={card.answer} />
          </p>
        </div>
        <div class="tools">
          {drawn && rows.length > 0 && (
            <button
              type="button"
              class="ghost"
              aria-pressed={table}
              aria-label={table ? `Chart: ${card.question}` : `Table: ${card.question}`}
              onClick={() => setTable(!table)}
            >
              <Icon name={table ? "chart" : "table"} />
            </button>
          )}
          <CardMenu card={card} />
        </div>
      </header>
      <div class="body">
        {card.problem ? (
          <Trouble problem={card.problem} retry={retry} small />
        ) : rows.length === 0 ? null /* The answer above says why. */ : table ? (
          <Rows label={card.question + " as a table"} columns={card.columns} rows={rows} />
        ) : (
          <Drawing card={card} />
        )}
      </div>
      {(card.notes ?? []).map((n) => (
        <p key={n} class="note">
          <Icon name="info" />
          {n}
        </p>
      ))}
      {(card.rows_link || card.truncated) && (
        <footer>
          {card.rows_link && (
            <a href={card.rows_link}>
              Open the rows <Icon name="arrow" />
            </a>
          )}
          {card.truncated && (
            <span class="quiet">
              First {decimal(String(rows.length))} of {decimal(String(card.total))}; the export has all.
            </span>
          )}
        </footer>
      )}
    </section>
  );
}

function CardMenu({ card }: { card: CardData }) {
  const [sql, setSQL] = useState(false);
  return (
    <Popover label={`More about: ${card.question}`} kind="ghost" end button={<Icon name="dots" />}>
      {(close) => (
        <div class="menu">
          {(card.definition || card.basis) && (
            <p class="definition">
              {card.definition} {card.basis && <span class="quiet">{card.basis}.</span>}
            </p>
          )}
          {(card.exports ?? []).map((x) => (
            <a key={x.format} class="option" href={x.link} download>
              <Icon name="down" />
              {x.format === "ndjson" ? "NDJSON" : x.format === "csv" ? "CSV" : "Parquet"}
            </a>
          ))}
          {painted.includes(card.mark) && (
            <button
              type="button"
              class="option"
              onClick={() => {
                close();
                void paint(card);
              }}
            >
              <Icon name="down" />
              PNG of the chart
            </button>
          )}
          <button
            type="button"
            class="option"
            onClick={() => {
              void copy(location.origin + location.pathname + location.search + "#card-" + card.id);
              close();
            }}
          >
            <Icon name="link" />
            Copy link to this card
          </button>
          {card.sql && (
            <button type="button" class="option" aria-expanded={sql} onClick={() => setSQL(!sql)}>
              <Icon name="code" />
              {sql ? "Hide" : "Show"} the SQL
            </button>
          )}
          {sql && card.sql && <Code text={card.sql} language="SQL" />}
          {card.sql && may("data") && (
            <a class="option" href={"/sql?q=" + encodeURIComponent(card.sql)}>
              <Icon name="play" />
              Open in SQL
            </a>
          )}
          {card.mark !== "table" && (
            <button
              type="button"
              class="option"
              onClick={() => {
                set({ view: "table", card: card.id }, { replace: true });
                close();
              }}
            >
              <Icon name="table" />
              Keep as a table in the address
            </button>
          )}
        </div>
      )}
    </Popover>
  );
}

const painted = ["columns", "line", "area", "histogram", "waterfall", "scatter", "dots"];

/** Saves the card's chart as a picture, with what it says and stands on. */
async function paint(card: CardData): Promise<void> {
  const box = document.getElementById("card-" + card.id);
  if (!box?.querySelector(".chart > svg")) {
    say("Show the chart first; a table has no picture.");
    return;
  }
  const { picture, save } = await import("../lib/picture");
  const from = current.value;
  const foot = [
    from?.filters?.text,
    card.basis,
    `${meta.value?.project}, version ${from?.version} of ${from?.as_of.slice(0, 16).replace("T", " ")} UTC`,
  ]
    .filter(Boolean)
    .join(" · ");
  try {
    save(
      await picture(box, card.question, card.answer, foot),
      `${place.value.path.replace(/\W+/g, "-").replace(/^-/, "") || "overview"}-${card.id}.png`,
    );
  } catch {
    say("The browser could not make the picture.");
  }
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser does not allow copying; take the address from its bar.");
  }
}
