-- A case is a treatment with all that hangs on it, or a claim whose treatment is not there. Its money says how the claims stand to the live
-- items: x no item, d no live one, e equal, m the claims are more, l the items are more (or there is no claim).
create temp macro old_case(id) as id <= {last_undated};
create temp macro live(status) as status not in ('DELETED', 'REPLACED', 'REJECTED');
create temp view sold as
select i.tid, count(*) as n, count(*) filter (live(it.status)) as n_live, coalesce(sum(it.amount) filter (live(it.status)), 0) as amount
from it
join i on i.id = it.iid
group by i.tid;
create temp view demanded as
select c.tid, sum(c.amount) as amount, bool_and(c.amount = 0) as unknown, min(c.created) as created, min(c.program) as program,
  string_agg(concat_ws(' ', c.status, c.kind, case sign(c.amount) when 0 then 'z' when 1 then 'p' else 'n' end,
    case when c.program <> t.program then c.program end), '+' order by c.id) as claims
from c
left join t on t.id = c.tid
group by c.tid;
create temp view billed as select tid, string_agg(status, '+' order by id) as invoices from i group by tid;
create temp view roots as
select id, status, created, program from t
union all
select d.tid, '', coalesce(d.created, (select max(t.created) from t where t.id < d.tid)), d.program
from demanded as d
where d.tid not in (select id from t);
create temp table cases as
select r.id, r.status, r.created, r.program, old_case(r.id) or d.created is null and r.status = '' as old, coalesce(d.claims, '') as claims,
  coalesce(b.invoices, '') as invoices, coalesce(s.n, 0) as items, d.amount as demanded, s.amount as sold,
  case when s.n is null then 'x' when s.n_live = 0 then 'd' when d.tid is null then 'l' when d.amount = s.amount then 'e'
    when d.amount > s.amount then 'm' else 'l' end as money,
  case when d.tid is null then '-' when d.unknown then 'z' else 'p' end as claimed,
  strftime(r.created, '%Y%m') || case strftime(r.created, '%Y%m')
    when '201801' then case when old_case(r.id) or d.created is null and r.status = '' then 'a' else 'b' end
    when '201903' then case when day(r.created) < 7 then 'a' else 'b' end
    else '' end as period
from roots as r
left join demanded as d on d.tid = r.id
left join billed as b on b.tid = r.id
left join sold as s on s.tid = r.id;
create temp macro quarter_of(x) as strftime(x, '%Y') || 'q' || quarter(x);
create temp macro era_of(old) as case when old then 'old' else 'new' end;
create temp macro points(lags) as array_to_string([round(x)::bigint for x in quantile_cont(lags, [0.005, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25,
  0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.995])], ' ');
