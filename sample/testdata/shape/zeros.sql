select case when i.created is null then 'old' else strftime(i.created, '%Y') end as year, it.status,
  count(*) filter (it.amount = 0) as zero, count(*) as n
from it
join i on i.id = it.iid
join cases as k on k.id = i.tid
where not (k.money = 'e' and k.claimed = 'z') and (k.items > 1 or not live(it.status))
group by all
having count(*) >= 50
order by 1, 2
