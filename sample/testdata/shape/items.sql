with counts as (
  select money, claimed, era_of(old) as era, items, count(*) as n from cases where items > 0 group by all
)
select money, claimed, era, string_agg(items || ':' || n, ' ' order by items) as items
from counts
group by money, claimed, era
order by money, claimed, era
