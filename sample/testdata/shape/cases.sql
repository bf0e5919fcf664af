with cells as (
  select program, status, claims, invoices, money, period, count(*) as n from cases group by all
)
select program, status, claims, invoices, money, string_agg(period || ':' || n, ' ' order by period) as cells
from cells
group by program, status, claims, invoices, money
order by sum(n) desc, program, status, claims, invoices, money
