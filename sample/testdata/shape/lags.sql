with lags as (
  select 'submitted' as what, case when status in ('CLOSED', '') then quarter_of(created) else status end as kind,
    epoch(submitted) - epoch(created) as lag
  from t
  union all
  select 'modified', status || ' ' || era_of(old_case(id)), epoch(modified) - epoch(coalesce(submitted, created)) from t
  union all
  select 'treated', status || ' ' || era_of(old_case(id)), epoch(treated) - epoch(created) from t
  union all
  select 'submitted at once', quarter_of(created), epoch(submitted) - epoch(created)
  from t
  where status = 'CLOSED' and submitted::date = created::date
  union all
  select 'claim created', 'old', epoch(c.created) - epoch(t.created)
  from c
  join t on t.id = c.tid
  where old_case(t.id)
  union all
  select 'claim on submission', k.period,
    case when c.created > k.created + interval 1 minute and t.submitted is not null then least(0, epoch(c.created) - epoch(t.submitted)) end
  from c
  join t on t.id = c.tid
  join cases as k on k.id = t.id
  where not k.old
  union all
  select 'claim modified', concat_ws(' ', c.status, t.status, era_of(old_case(t.id))),
    epoch(c.modified) - epoch(case when t.status in ('CLOSED', 'SUBMITTED', 'RESUBMITTED', 'REOPENED') then coalesce(t.modified, t.created)
      else coalesce(c.created, t.created) end)
  from c
  join t on t.id = c.tid
  union all
  select 'decided', concat_ws(' ', c.status, era_of(old_case(t.id))), epoch(c.modified) - epoch(t.submitted)
  from c
  join t on t.id = c.tid
  where t.status = 'CLOSED' and t.submitted is not null and c.modified is not null
  union all
  select 'invoice created', t.status, epoch(i.created) - epoch(coalesce(t.submitted, t.created))
  from i
  join t on t.id = i.tid
  where i.created is not null
  union all
  select 'submitted final', '', epoch(t.submitted) - epoch(t.created)
  from i
  join t on t.id = i.tid
  where i.created is not null and i.status = 'FINAL'
  union all
  select 'invoice final', '', epoch(i.created) - epoch(t.created)
  from i
  join t on t.id = i.tid
  where i.created is not null and i.status = 'FINAL'
  union all
  select 'item created', case when i.created is null then 'old' else 'new' end,
    epoch(it.created) - coalesce(epoch(i.created), epoch(timestamp '2018-01-25 23:04:45'))
  from it
  join i on i.id = it.iid
)
select what, kind, count(*) - count(lag) as missing, count(*) as n, points(lag) as points
from lags
group by what, kind
having count(*) >= 10
order by what, kind
