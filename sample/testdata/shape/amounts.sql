with kinds as (
  select *, case when program in (577, 578) then 'new programs' when old then 'old' else strftime(created, '%Y') end
    || case split_part(claims, ' ', 1) when 'Approved' then ' approved' when 'Rejected' then ' rejected'
      when 'Submitted' then ' submitted' else ' other' end
    as kind
  from cases
), amounts as (
  select 'item' as what, k.kind, it.amount
  from it
  join i on i.id = it.iid
  join kinds as k on k.id = i.tid
  where it.amount > 0 and it.amount < 300000 and not (k.items = 1 and k.money = 'e')
  union all
  select 'claims ' || replace(money, 'd', 'x'), kind, demanded
  from kinds
  where demanded > 0 and demanded < 300000
), counts as (
  select what, kind, amount, count(*) as n from amounts group by all
), rare as (
  select what, kind, array_to_string([round(x)::bigint for x in quantile_cont(a.amount::double, [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6,
      0.7, 0.8, 0.9, 0.95, 0.98, 0.995])], ' ') as points
  from amounts as a
  join counts as b using (what, kind, amount)
  where b.n < 12
  group by what, kind
)
select what, kind,
  coalesce(string_agg(rtrim(rtrim(amount::text, '0'), '.') || ':' || n, ' ' order by amount) filter (n >= 12), '') as common,
  coalesce(sum(n) filter (n < 12), 0) as rare, coalesce(any_value(rare.points), '') as points
from counts
left join rare using (what, kind)
group by what, kind
having count(*) >= 5
order by what, kind
