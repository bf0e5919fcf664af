-- Live claims like one on another treatment of the same day: of the same provider, program, type, amount and currency. They are few, so
-- that claims are rebuilt for the treatments that have changed.
with
lives as (
    select
        c.id as claim_id,
        c.treatment_id,
        c.program_id,
        t.provider_id,
        c.type,
        c.amount,
        c.currency,
        cast({{ kpi_local('t.date_treatment', 'c.program_id') }} as date) as day
    from {{ ref('claims') }} as c
    inner join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
    where c.status <> 'void'
        and (c.status in ('approved', 'partial', 'rejected', 'paid') or t.status <> 'void')
        and c.amount is not null
        and t.date_treatment is not null
        and t.provider_id is not null
),

crowds as (
    select l.provider_id, l.program_id, l.type, l.amount, l.currency, l.day
    from lives as l
    group by l.provider_id, l.program_id, l.type, l.amount, l.currency, l.day
    having min(l.treatment_id) <> max(l.treatment_id)
)

select
    l.claim_id,
    l.treatment_id
from lives as l
inner join crowds as m
    on m.provider_id = l.provider_id and m.program_id = l.program_id and m.type = l.type and m.amount = l.amount and m.currency = l.currency
        and m.day = l.day
