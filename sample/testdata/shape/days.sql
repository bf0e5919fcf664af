with days as (
  select period, created::date as day, count(*) as n from cases group by all
), spans as (
  select period, min(day) as first, max(day) as last, sum(n) as n from days group by period
), ids as (
  select id, row_number() over (order by id) as place from cases
), ends as (
  select *, sum(n) over (order by period) - n + 1 as place from spans
), every as (
  select period, unnest(generate_series(first, last, interval 1 day))::date as day from spans
), counts as (
  select e.period, string_agg(coalesce(d.n, 0)::text, ' ' order by e.day) as days
  from every as e
  left join days as d on d.period = e.period and d.day = e.day
  group by e.period
)
select ends.period, first, ids.id as first_id, counts.days
from ends
join ids on ids.place = ends.place
join counts on counts.period = ends.period
order by ends.period
