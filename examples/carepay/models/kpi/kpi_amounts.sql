-- What was claimed, approved and invoiced of each treatment, a row per currency, so that two never meet. The currency is null for what
-- has none; amounts that are missing are counted.
with
claimed as (
    select
        c.treatment_id,
        c.currency,
        count(*) as claims,
        count(*) filter (where c.approved) as approved_claims,
        sum(c.amount) as claimed,
        sum(c.amount) filter (where c.approved) as approved,
        0 as items,
        cast(null as numeric(38, 4)) as invoiced,
        count(*) filter (where c.amount is null or c.currency is null) as unknown,
        count(*) filter (where c.approved and (c.amount is null or c.currency is null)) as approved_unknown
    from {{ ref('kpi_claims') }} as c
    where c.live
    group by c.treatment_id, c.currency
),

invoiced as (
    select
        i.treatment_id,
        i.currency,
        0 as claims,
        0 as approved_claims,
        cast(null as numeric(38, 4)) as claimed,
        cast(null as numeric(38, 4)) as approved,
        count(*) as items,
        sum(i.amount) as invoiced,
        count(*) filter (where i.amount is null or i.currency is null) as unknown,
        0 as approved_unknown
    from {{ ref('invoice_items') }} as i
    inner join {{ ref('invoices') }} as v on v.treatment_id = i.treatment_id and v.id = i.invoice_id
    where i.status <> 'void' and v.status <> 'void'
    group by i.treatment_id, i.currency
)

select
    u.treatment_id,
    u.currency,
    cast(sum(u.claims) as bigint) as claims,
    cast(sum(u.approved_claims) as bigint) as approved_claims,
    cast(sum(u.claimed) as numeric(38, 4)) as claimed,
    cast(sum(u.approved) as numeric(38, 4)) as approved,
    cast(sum(u.items) as bigint) as items,
    cast(sum(u.invoiced) as numeric(38, 4)) as invoiced,
    cast(sum(u.unknown) as bigint) as unknown,
    cast(sum(u.approved_unknown) as bigint) as approved_unknown
from (
    select * from claimed
    union all
    select * from invoiced
) as u
group by u.treatment_id, u.currency
