-- Live items that cost over three times the median of their product, currency and year. A product with less than the minimum of items
-- in that year has no median to compare with; its items are left out and counted.
with
prices as (
    select
        cast(date_trunc('year', c.treated_month) as date) as period,
        c.program_id,
        i.product_id,
        i.currency,
        i.amount,
        c.sound
    from {{ ref('invoice_items') }} as i
    inner join {{ ref('kpi_cases') }} as c on c.treatment_id = i.treatment_id
    where i.status <> 'void'
),

middles as (
    select
        p.period,
        p.product_id,
        p.currency,
        percentile_cont(0.5) within group (order by {{ kpi_real('p.amount') }}) as middle
    from prices as p
    where p.period is not null
        and p.product_id is not null
        and p.currency is not null
        and p.amount is not null
    group by p.period, p.product_id, p.currency
    having count(*) >= {{ var('kpi_minimum_n', 30) }}
),

figures as (
    select
        p.period,
        p.program_id,
        p.currency,
        count(m.product_id) filter (where p.amount is not null) as n,
        count(*) filter (where p.amount > 3 * m.middle) as numerator,
        count(*) - count(m.product_id) filter (where p.amount is not null) as excluded,
        count(m.product_id) filter (where p.amount is not null and p.sound) as trusted,
        'true' as basis
    from prices as p
    left join middles as m on m.product_id = p.product_id and m.currency = p.currency and m.period = p.period
    group by p.period, p.program_id, p.currency
)

select
    {{ kpi_output('KPI-24', 'treated_year', currency='f.currency', mature_days='425') }}
from figures as f
