-- Live claims that another one resembles: exact within a day on the same treatment, suspect on another treatment of that day. And what
-- they ask for, by currency. Without its provider a claim cannot be suspect, nor cleared of it.
with
figures as (
    select *
    from (
        select
            c.treated_month as period,
            c.program_id,
            cast(null as varchar(10)) as currency,
            'rate' as measure,
            m.part,
            count(*) filter (where {{ kpi_comparable() }}) as n,
            count(*) filter (where {{ kpi_comparable() }} and {{ kpi_alike() }}) as numerator,
            count(*) filter (where not ({{ kpi_comparable() }})) as excluded,
            count(*) filter (where {{ kpi_comparable() }} and c.known) as trusted,
            {{ kpi_share('count(*) filter (where ' ~ kpi_comparable() ~ ' and ' ~ kpi_alike() ~ ')', 'count(*) filter (where ' ~ kpi_comparable() ~ ')') }} as value,
            'true' as basis
        from {{ ref('kpi_claims') }} as c
        cross join (values ('exact'), ('suspect'), ('either')) as m (part)
        where c.live
        group by c.treated_month, c.program_id, m.part
        union all
        select
            c.treated_month,
            c.program_id,
            c.currency,
            'amount_at_risk',
            'either',
            count(*) filter (where {{ kpi_dated() }} and c.provider_id is not null and c.currency is not null),
            coalesce(sum(c.amount) filter (where {{ kpi_dated() }} and c.provider_id is not null and c.currency is not null and (c.exact_duplicate or c.suspect)), 0),
            count(*) filter (where not ({{ kpi_dated() }} and c.provider_id is not null and c.currency is not null)),
            count(*) filter (where {{ kpi_dated() }} and c.provider_id is not null and c.currency is not null and c.known),
            case when count(*) filter (where {{ kpi_dated() }} and c.provider_id is not null and c.currency is not null) > 0 then
                cast(coalesce(sum(c.amount) filter (where {{ kpi_dated() }} and c.provider_id is not null and c.currency is not null and (c.exact_duplicate or c.suspect)), 0) as numeric(38, 6))
            end,
            'true'
        from {{ ref('kpi_claims') }} as c
        where c.live
        group by c.treated_month, c.program_id, c.currency
    ) as u
)

select
    {{ kpi_output('KPI-28', 'treated', measure='f.measure', part='f.part', currency='f.currency', value='f.value', mature_days='90', rate="f.measure = 'rate'") }}
from figures as f
