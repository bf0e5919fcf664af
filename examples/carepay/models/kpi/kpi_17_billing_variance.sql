-- What was claimed beyond or below what was invoiced, per treatment and currency. A proxy of leakage: nobody says what was owed.
-- Treatments with an amount or a currency missing are left out, because their difference is not known.
with
differences as (
    select
        c.treated_month as period,
        c.program_id,
        a.currency,
        coalesce(a.claimed, 0) as claimed,
        coalesce(a.invoiced, 0) as invoiced,
        c.treated_month is not null and a.unknown = 0 and a.currency is not null as usable,
        c.sound
    from {{ ref('kpi_amounts') }} as a
    inner join {{ ref('kpi_cases') }} as c on c.treatment_id = a.treatment_id
    where c.live
),

totals as (
    select
        d.period,
        d.program_id,
        d.currency,
        count(*) filter (where d.usable) as n,
        coalesce(sum(d.claimed - d.invoiced) filter (where d.usable and d.claimed > d.invoiced), 0) as over_claimed,
        coalesce(sum(d.invoiced - d.claimed) filter (where d.usable and d.claimed < d.invoiced), 0) as under_claimed,
        coalesce(sum(d.invoiced) filter (where d.usable), 0) as invoiced,
        count(*) filter (where not d.usable) as excluded,
        count(*) filter (where d.usable and d.sound) as trusted,
        'proxy' as basis
    from differences as d
    group by d.period, d.program_id, d.currency
),

figures as (
    select
        t.*,
        m.measure,
        case when m.measure = 'under_claimed' then t.under_claimed else t.over_claimed end as numerator,
        case
            when t.n = 0 then null
            when m.measure = 'over_claimed' then cast(t.over_claimed as numeric(38, 6))
            when m.measure = 'under_claimed' then cast(t.under_claimed as numeric(38, 6))
            else {{ kpi_share('t.over_claimed', 't.invoiced') }}
        end as value
    from totals as t
    cross join (values ('over_claimed'), ('under_claimed'), ('over_rate')) as m (measure)
)

select
    {{ kpi_output('KPI-17', 'treated', measure='f.measure', currency='f.currency', denominator='f.invoiced', value='f.value', mature_days='90', rate='false') }}
from figures as f
