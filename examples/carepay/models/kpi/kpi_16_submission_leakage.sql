-- Treatments with live items and no live claim 30 days after the care: how many of them, and what they are worth, by currency. One with
-- an item of unknown amount has no known worth.
with
old as (
    select c.*
    from {{ ref('kpi_cases') }} as c
    where c.live
        and c.live_items > 0
        and (c.treated_at is null or c.treated_at < {{ as_of() }} - interval '30 days')
),

figures as (
    select *
    from (
        select
            o.treated_month as period,
            o.program_id,
            cast(null as varchar(10)) as currency,
            'treatments' as measure,
            count(*) filter (where o.treated_at is not null) as n,
            count(*) filter (where o.treated_at is not null and o.live_claims = 0) as numerator,
            count(*) filter (where o.treated_at is not null) as denominator,
            count(*) filter (where o.treated_at is null) as excluded,
            count(*) filter (where o.treated_at is not null and o.sound) as trusted,
            {{ kpi_share('count(*) filter (where o.treated_at is not null and o.live_claims = 0)', 'count(*) filter (where o.treated_at is not null)') }} as value,
            'true' as basis
        from old as o
        group by o.treated_month, o.program_id
        union all
        select
            o.treated_month,
            o.program_id,
            a.currency,
            'amount',
            count(*) filter (where o.treated_at is not null and a.currency is not null and a.unknown = 0),
            sum(a.invoiced) filter (where o.treated_at is not null and a.currency is not null and a.unknown = 0),
            null,
            count(*) filter (where o.treated_at is null or a.currency is null or a.unknown > 0),
            count(*) filter (where o.treated_at is not null and a.currency is not null and o.sound and a.unknown = 0),
            cast(sum(a.invoiced) filter (where o.treated_at is not null and a.currency is not null and a.unknown = 0) as numeric(38, 6)),
            'true'
        from old as o
        inner join {{ ref('kpi_amounts') }} as a on a.treatment_id = o.treatment_id
        where o.live_claims = 0
        group by o.treated_month, o.program_id, a.currency
    ) as u
)

select
    {{ kpi_output('KPI-16', 'treated', measure='f.measure', currency='f.currency', denominator='f.denominator', value='f.value', mature_days='30', rate="f.measure = 'treatments'") }}
from figures as f
