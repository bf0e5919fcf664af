-- Live invoice items beside the median of their product, currency and year; a product with less than the minimum of items in that year
-- has none to be compared with.
{{ config(materialized='ephemeral') }}
with
prices as (
    select
        i.id as item_id,
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
)

select
    p.item_id,
    p.period,
    p.program_id,
    p.product_id,
    p.currency,
    p.amount,
    m.middle,
    m.product_id is not null and p.amount is not null as comparable,
    p.sound
from prices as p
left join middles as m on m.product_id = p.product_id and m.currency = p.currency and m.period = p.period
