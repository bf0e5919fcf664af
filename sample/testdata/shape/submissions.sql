with submitted as (
  select k.period, t.submitted::date - k.created::date as lag, t.submitted::date - min(k.created::date) over (partition by k.period) as day
  from t
  join cases as k on k.id = t.id
  where not k.old and t.status = 'CLOSED' and t.submitted is not null and k.invoices not like 'FINAL%'
), soon as (
  select period, lag, count(*) as n from submitted where lag between 1 and 10 group by all
), later as (
  select period, day, count(*) as n from submitted where lag > 10 group by all
)
select period, count(*) filter (lag < 1) as same_day,
  (select string_agg(lag || ':' || n, ' ' order by lag) from soon as l where l.period = s.period) as soon,
  (select string_agg(day || ':' || n, ' ' order by day) from later as l where l.period = s.period) as later
from submitted as s
group by period
order by period
