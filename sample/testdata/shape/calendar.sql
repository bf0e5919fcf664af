with moments as (
  select 'submitted' as what, submitted::date as day from t
  union all
  select 'modified', modified::date from c
), days as (
  select what, day, count(*) as n from moments where day is not null group by all
), spans as (
  select what, min(day) as first, max(day) as last from days group by what
), every as (
  select what, first, unnest(generate_series(first, last, interval 1 day))::date as day from spans
)
select e.what, first, string_agg(coalesce(d.n, 0)::text, ' ' order by e.day) as days
from every as e
left join days as d on d.what = e.what and d.day = e.day
group by e.what, first
order by e.what
