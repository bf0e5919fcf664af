-- The way of a treatment to its first decision: steps on it, the share on the straight way, and the ten commonest ways. Without the date
-- of a claim nobody knows whether the way was straight.
with
totals as (
    select
        w.period,
        w.program_id,
        count(*) filter (where w.period is not null and w.decided_basis is not null) as n,
        sum(w.touches) filter (where w.period is not null and w.decided_basis is not null) as touches,
        count(*) filter (where w.period is not null and w.decided_basis is not null and w.claim_dated) as dated,
        count(*) filter (where w.period is not null and w.decided_basis is not null and w.claim_dated and {{ kpi_straight() }}) as straight,
        count(*) filter (where w.period is null or w.decided_basis is null) as excluded,
        count(*) as treatments,
        count(*) filter (where w.period is not null and w.sound and w.decided_basis = 'true') as trusted,
        count(*) filter (where w.period is not null and w.sound and w.decided_basis = 'true' and w.claim_dated) as dated_trusted
    from {{ ref('kpi_ways') }} as w
    group by w.period, w.program_id
),

counted as (
    select
        w.way,
        count(*) as numerator,
        count(*) filter (where w.sound and w.decided_basis = 'true') as trusted,
        sum(count(*)) over () as n,
        row_number() over (order by count(*) desc, w.way) as place
    from {{ ref('kpi_ways') }} as w
    where w.decided_basis is not null
    group by w.way
),

figures as (
    select
        u.*,
        'proxy' as basis
    from (
        select
            t.period,
            t.program_id,
            m.measure,
            cast(null as varchar(400)) as part,
            case m.measure when 'touches' then t.n else t.dated end as n,
            case m.measure when 'touches' then t.touches else t.straight end as numerator,
            case m.measure when 'touches' then t.excluded else t.treatments - t.dated end as excluded,
            case m.measure when 'touches' then t.trusted else t.dated_trusted end as trusted
        from totals as t
        cross join (values ('touches'), ('straight_share')) as m (measure)
        union all
        select cast(null as date), cast(null as bigint), 'way', c.way, c.n, c.numerator, 0, case when c.n = 0 then 0 else c.trusted end
        from counted as c
        where c.place <= 10
    ) as u
)

select
    {{ kpi_output('KPI-30', 'treated', measure='f.measure', part='f.part', mature_days='90', rate="f.measure <> 'touches'") }}
from figures as f
