// A page of dashboards/*.yml: trust strip, headline numbers, cards.

import type { PageData, PageInfo, Trust as TrustData } from "../lib/types";
import { useAnswer } from "../lib/api";
import { defaults, meta, place } from "../lib/state";
import { decimal, plural, short } from "../lib/format";
import { filtersOf, format, put } from "../lib/url";
import { Card, pack } from "../parts/card";
import { FilterBar } from "../parts/filters";
import { Icon } from "../parts/icon";
import { Page } from "../parts/shell";
import { Nothing, Trouble, Waiting } from "../parts/states";
import { TileCard } from "../parts/tile";

export function Dashboard({ page, value }: { page: PageInfo; value?: string }) {
  let pairs = filtersOf(place.value.pairs);
  if (page.entity && value) pairs = put(pairs, page.entity, value);
  const { answer, problem, busy, retry } = useAnswer<PageData>(`/pages/${page.name}${format(pairs, defaults.value)}`);
  const d = answer?.data;
  const tiles = (d?.cards ?? []).filter((c) => c.mark === "number" && c.tile);
  const cards = (d?.cards ?? []).filter((c) => !(c.mark === "number" && c.tile));
  const spans = pack(cards);
  const filter = meta.value?.filters?.find((f) => f.name === page.entity);
  const parent = page.entity
    ? (meta.value?.pages ?? []).find((p) => !p.entity && page.path.startsWith(p.path + "/") && p.path !== "/")
    : undefined;
  return (
    <Page
      title={d?.title || (page.entity ? `${filter?.prefix ?? ""}${value ?? ""}` : page.title)}
      busy={busy}
      crumbs={page.entity ? [[parent?.title ?? filter?.label ?? "", parent?.path ?? "/"]] : undefined}
      count={
        d && (
          <>
            <a href={d.rows_link || undefined}>
              <b>{decimal(String(d.rows))}</b> {d.noun}
            </a>{" "}
            match the filters
            <Undated trust={d.trust} noun={d.noun} />
          </>
        )
      }
      filters={<FilterBar compared={answer?.meta.filters?.versus} names={(page.filters ?? []).filter((n) => n !== page.entity)} />}
    >
      {problem && (
        <div class="grid">
          <Trouble problem={problem} retry={retry} />
        </div>
      )}
      {!d && !problem && <Waiting />}
      {d && !problem && (
        <>
          {d.trust && <Trust trust={d.trust} />}
          {d.empty && (
            <div class="grid">
              <Nothing empty={d.empty} />
            </div>
          )}
          {tiles.length > 0 && (
            <div class="tiles">
              {tiles.map((c) => (
                <TileCard key={c.id} card={c} compared={answer?.meta.filters?.versus !== "none"} />
              ))}
            </div>
          )}
          <div class="grid">
            {cards.map((c, i) => (
              <Card key={c.id} card={c} span={spans[i]!} retry={retry} />
            ))}
          </div>
        </>
      )}
    </Page>
  );
}

function Undated({ trust, noun }: { trust?: TrustData; noun: string }) {
  const u = trust?.excluded?.find((x) => x.reason === "undated");
  if (!u?.counts.rows) return null;
  return (
    <a class="warned" href={u.link || undefined}>
      {" "}
      + {plural(u.counts.rows, `${noun} with no date`, `${noun} with no date`)}
    </a>
  );
}

/** The money of one part, by currency. */
function money(m: Record<string, string> | null): string {
  return Object.entries(m ?? {})
    .filter(([c]) => c)
    .map(([c, v]) => `${c} ${short(Number(v))}`)
    .join(", ");
}

function Trust({ trust: t }: { trust: TrustData }) {
  const held = money(t.quarantined.money);
  return (
    <section class={"card trust" + (t.balances ? "" : " off")} aria-label="Account of every row">
      <span class="seal">
        <Icon name={t.balances ? "shield" : "alert"} />
      </span>
      <div>
        <h2>{t.balances ? "Every source row is accounted for" : "The account does not balance"}</h2>
        <p>{t.text}</p>
      </div>
      <ul>
        <li>
          <a class="pill pill-good" href={t.links.checks}>
            <Icon name="check" />
            {t.checks.passed} passed
          </a>
        </li>
        {t.checks.warned > 0 && (
          <li>
            <a class="pill pill-warn" href={t.links.checks}>
              <Icon name="alert" />
              {plural(t.checks.warned, "warning")}
            </a>
          </li>
        )}
        {t.checks.failed > 0 && (
          <li>
            <a class="pill pill-bad" href={t.links.checks}>
              <Icon name="cross" />
              {t.checks.failed} failed
            </a>
          </li>
        )}
        {t.quarantined.rows > 0 && (
          <li>
            <a class="pill pill-idle" href={t.links.quarantined}>
              <Icon name="lock" />
              {plural(t.quarantined.rows, "row")}
              {held && ", " + held} in quarantine
            </a>
          </li>
        )}
      </ul>
    </section>
  );
}
