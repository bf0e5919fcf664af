with counts as (
  select case when i.created is null then 'old' else strftime(it.created, '%Y%m') end as month, i.status as invoice,
    case when k.items = 1 then 'one' else 'more' end as items, it.status, count(*) as n
  from it
  join i on i.id = it.iid
  join cases as k on k.id = i.tid
  where k.money <> 'd' and (i.created is null or it.created is not null)
  group by all
)
select month, invoice, items, string_agg(status || ':' || n, ' ' order by n desc, status) as statuses
from counts
group by month, invoice, items
order by month, invoice, items
