-- The mean amount of an approved claim, and of any live claim, by currency.
with
figures as (
    select
        c.treated_month as period,
        c.program_id,
        c.currency,
        m.measure,
        count(*) filter (where c.treated_month is not null and c.amount is not null and c.currency is not null) as n,
        sum(c.amount) filter (where c.treated_month is not null and c.currency is not null) as numerator,
        count(*) filter (where c.treated_month is null or c.amount is null or c.currency is null) as excluded,
        count(*) filter (where c.treated_month is not null and c.amount is not null and c.currency is not null and c.sound) as trusted,
        'true' as basis
    from {{ ref('kpi_claims') }} as c
    cross join (values ('mean_approved'), ('mean_live')) as m (measure)
    where c.live
        and (c.approved or m.measure = 'mean_live')
    group by c.treated_month, c.program_id, c.currency, m.measure
)

select
    {{ kpi_output('KPI-20', 'treated', measure='f.measure', currency='f.currency', mature_days='90', rate='false') }}
from figures as f
