-- What was approved for a treatment with an approved claim: mean, p50 and p90, by currency.
with
costs as (
    select
        c.treated_month as period,
        c.program_id,
        a.currency,
        case when a.approved_unknown = 0 and a.currency is not null and c.treated_month is not null then a.approved end as cost,
        c.sound
    from {{ ref('kpi_amounts') }} as a
    inner join {{ ref('kpi_cases') }} as c on c.treatment_id = a.treatment_id
    where a.approved_claims > 0
),

totals as (
    select
        d.period,
        d.program_id,
        d.currency,
        count(d.cost) as n,
        sum(d.cost) as numerator,
        count(*) - count(d.cost) as excluded,
        count(d.cost) filter (where d.sound) as trusted,
        {{ kpi_share('sum(d.cost)', 'count(d.cost)') }} as mean,
        percentile_cont(0.5) within group (order by {{ kpi_real('d.cost') }}) as p50,
        percentile_cont(0.9) within group (order by {{ kpi_real('d.cost') }}) as p90,
        'true' as basis
    from costs as d
    group by d.period, d.program_id, d.currency
),

figures as (
    select
        t.*,
        m.measure,
        case m.measure when 'mean' then t.mean when 'p50' then {{ kpi_rounded('t.p50') }} else {{ kpi_rounded('t.p90') }} end as value
    from totals as t
    cross join (values ('mean'), ('p50'), ('p90')) as m (measure)
)

select
    {{ kpi_output('KPI-19', 'treated', measure='f.measure', currency='f.currency', value='f.value', mature_days='90', rate='false') }}
from figures as f
