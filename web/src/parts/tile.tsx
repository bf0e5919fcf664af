// A headline number with its change and its trend.

import type { Card } from "../lib/types";
import { decimal, num, short } from "../lib/format";
import { Spark } from "../charts/spark";
import { show } from "./cells";
import { Icon } from "./icon";
import { Popover } from "./menu";

export function TileCard({ card, compared }: { card: Card; compared: boolean }) {
  const t = card.tile!;
  const link = t.link || card.rows_link;
  const n = num(t.value);
  const big = t.format === "money" && n !== null ? short(n) : show(t.value, t.format).replace(/ d$/, "");
  const change = num(t.change);
  const bad = change !== null && change !== 0 && (t.direction === "up" ? change < 0 : t.direction === "down" ? change > 0 : false);
  return (
    <section class="card tile" id={"card-" + card.id} aria-label={card.question}>
      <div class="tile-head">
        <h2>{t.label}</h2>
        <Popover label={`What is ${t.label}?`} kind="ghost" end button={<Icon name="info" />}>
          {() => (
            <div class="menu">
              <p class="definition">
                <b>{card.question}</b>
                <br />
                {card.answer}
              </p>
              {card.definition && (
                <p class="definition">
                  {card.definition} {card.basis && <span class="quiet">{card.basis}.</span>}
                </p>
              )}
              {(card.notes ?? []).map((x) => (
                <p key={x} class="definition quiet">
                  {x}
                </p>
              ))}
              {(card.exports ?? []).map((x) => (
                <a key={x.format} class="option" href={x.link} download>
                  <Icon name="down" />
                  {x.format.toUpperCase()}
                </a>
              ))}
              {card.sql && (
                <a class="option" href={"/sql?q=" + encodeURIComponent(card.sql)}>
                  <Icon name="code" />
                  Open its SQL
                </a>
              )}
            </div>
          )}
        </Popover>
      </div>
      {card.problem ? (
        <p class="nothing">{card.problem.title}</p>
      ) : (
        <>
          <a
            class="figure"
            href={link || undefined}
            title={t.format === "money" && n !== null ? `${t.unit ?? ""} ${decimal(String(t.value), 2)}` : undefined}
          >
            <span class="sr">{t.label}: </span>
            {t.unit && <small class="unit">{t.unit}</small>}
            {big}
            {t.format === "days" && n !== null && <small> days</small>}
          </a>
          <p class={"change" + (bad ? " bad" : "")}>
            {change !== null && (
              <>
                <span aria-hidden="true">{change > 0 ? "▲ " : change < 0 ? "▼ " : ""}</span>
                <b>
                  {changeText(change, t.format)}
                  {bad ? " worse" : ""}
                </b>
              </>
            )}
            {compared && change === null && t.before === null && <span class="quiet">nothing before to compare with</span>}
          </p>
          <p class="quiet before">
            {t.second ?? (t.before !== null && t.before !== undefined ? `${show(t.before, t.format, t.format === "money")} before` : "")}
          </p>
          <Spark values={(t.spark ?? []).map(num)} tone={bad ? "bad" : "accent"} />
        </>
      )}
    </section>
  );
}

function changeText(change: number, format: string): string {
  const sign = change > 0 ? "+" : change < 0 ? "−" : "±";
  const a = Math.abs(change) * 100;
  const text = a >= 1000 ? `${Math.round(a / 100)}×` : `${a.toFixed(1)}${format === "percent" ? " pts" : "%"}`;
  return sign + text;
}
