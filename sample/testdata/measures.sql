-- What is measured of the real tables and of a sample: each query gives labels and, last, a number. Before it stand by how much of the
-- real number, and beyond that by how many, the sample's may differ.

-- rows: 0 % and 0
select 'treatments', count(*) from t union all select 'claims', count(*) from c union all select 'invoices', count(*) from i
union all select 'items', count(*) from it;

-- states of treatments, by program: 0 % and 0
select program, status, count(*) from t group by all;

-- states of claims by treatment, kind and program: 0 % and 0
select c.status, t.status, c.kind, c.program, count(*) from c left join t on t.id = c.tid group by all;

-- states of invoices, by the state of the treatment: 0 % and 0
select i.status, t.status, count(*) from i join t on t.id = i.tid group by all;

-- claims and invoices of one treatment: 0 % and 0
select what, n, count(*)
from (
  select 'claims' as what, tid, count(*) as n from c group by tid
  union all
  select 'invoices', tid, count(*) from i group by tid
)
group by what, n;

-- treatments without a claim, claims without an invoice, claims without a treatment: 0 % and 0
select 'treatments without a claim', status, count(*) from t where id not in (select tid from c) group by status
union all
select 'claims without an invoice', '', count(*) from c where tid not in (select tid from i)
union all
select 'claims without a treatment', status, count(*) from c where tid not in (select id from t) group by status;

-- treatments and programs by month: 0 % and 0
select strftime(created, '%Y-%m'), program, count(*) from t group by all;

-- claims with an amount of 0, by status and year: 2 % and 5
select status, year(coalesce(c.created, (select t.created from t where t.id = c.tid))), count(*) from c where amount = 0 group by all;

-- negative claims, by status: 0 % and 0
select status, count(*) from c where amount < 0 group by all;

-- currencies: 0 % and 0
select currency, count(*) from c group by all;

-- the largest amounts: 0 % and 0
select 'claim', status, max(amount) from c where amount > 1000000 group by all
union all
select 'items of 666 billion', '', count(*) from it where status = 'DELETED' and amount > 600000000000
union all
select 'live items below 0', '', count(*) from it where amount < 0 and live(status);

-- money of claims, without the largest amounts, by status: 15 % and 30000
select status, sum(amount) from c where amount < 1000000 group by all;

-- claims of the commonest amounts: 15 % and 30
select amount, count(*) from c where amount in (0, 50, 100, 150, 200, 300, 400, 500, 600, 800, 1000) group by all;

-- quantiles of what is claimed, where it is something, in the commonest states: 25 % and 10
select status, p, x
from (
  select status, unnest([0.25, 0.5, 0.75, 0.95]) as p, unnest(quantile_cont(amount, [0.25, 0.5, 0.75, 0.95])) as x
  from c
  where amount > 0 and amount < 1000000 and status in ('Approved', 'Draft', 'Deleted', 'Rejected', 'Submitted')
  group by status
);

-- claims against the live items of their treatment: 1 % and 10
select money, count(*) from cases where claims <> '' group by all;

-- states of items, dated and undated: 5 % and 250
select status, created is null, count(*) from it where status <> 'APPROVED' group by all;

-- approved items begin in 2019: 25 % and 0
select year(created), count(*) from it where status = 'APPROVED' group by all;

-- items of an invoice: 2 % and 100
select least(n, 12), count(*)
from (select i.id, count(it.id) as n from i left join it on it.iid = i.id group by all)
group by all;

-- items with an amount of 0, by status: 10 % and 50
select status, count(*) from it where amount = 0 and status in ('ACTIVE', 'SUBMITTED', 'DELETED') group by all;

-- money of items without the largest amounts, by status: 15 % and 0
select status, sum(amount) from it where status in ('ACTIVE', 'SUBMITTED') and amount < 1000000 group by all;

-- items of negative product numbers, by era: 3 % and 50
select created is null, count(*) from it where product < 0 group by all;

-- products, and what the twelve commonest have: 25 % and 0
select 'products', count(distinct product) from it
union all
select 'of the twelve commonest', sum(n)
from (select count(*) as n from it group by product order by n desc limit 12);

-- missing dates: 12 % and 30
select 'claim created', count(*) from c where created is null
union all select 'claim modified, ' || status, count(*) from c where modified is null group by status
union all select 'invoice created', count(*) from i where created is null
union all select 'item created', count(*) from it where created is null
union all select 'treatment submitted, ' || status, count(*) from t where submitted is null group by status
union all select 'treatment modified, ' || status, count(*) from t where modified is null group by status
union all select 'treatment treated, ' || status, count(*) from t where treated is null and status <> 'CLOSED' group by status;

-- ranges of numbers without a date: 0.1 % and 0
select 'invoices', min(id), max(id) from i where created is null
union all select 'first dated invoice', 0, min(id) from i where created is not null
union all select 'claims', min(id), max(id) from c where created is null
union all select 'items', min(id), max(id) from it where created is null
union all select 'first dated item', 0, min(id) from it where created is not null
union all select 'treatments', min(id), max(id) from t;

-- dates in the wrong order: 8 % and 60
select 'treated after submitted', count(*) from t where submitted < treated
union all select 'treatment changed before it began', count(*) from t where modified < created
union all select 'claim changed before it was made', count(*) from c where modified < created
union all select 'claim made before it was submitted', count(*)
from c
join t on t.id = c.tid
where c.created < t.submitted - interval 1 minute;

-- care and creation are the same second: 2 % and 0
select count(*) from t where treated = created;

-- days from a claim to its last change, and hours from care to submission: 30 % and 0.1
select status, round(median(epoch(modified) - epoch(created)) / 86400, 2)
from c
where status in ('Approved', 'Draft', 'Deleted', 'Submitted')
group by all
union all
select 'care to submission', round(median(epoch(submitted) - epoch(treated)) / 3600, 1) from t;

-- claims by weekday: 8 % and 100
select dayofweek(created), count(*) from c where created is not null group by all;

-- changes of claims by weekday: 25 % and 2000
select dayofweek(modified), count(*) from c where modified is not null group by all;

-- treatments by hour: 8 % and 60
select hour(created), count(*) from t group by all;

-- invoices by month: 12 % and 30
select strftime(created, '%Y-%m'), count(*) from i where created is not null group by all;

-- the busiest days: 25 % and 0
select strftime(created, '%Y-%m-%d'), count(*)
from i
where strftime(created, '%Y-%m-%d') in ('2018-04-23', '2019-01-17', '2019-01-18') group by all
union all
select strftime(created, '%Y-%m-%d'), count(*)
from c
where strftime(created, '%Y-%m-%d') in ('2018-04-20', '2018-04-23', '2019-09-04') group by all;
