-- Treatments of a month for each one of the twelve months around it, and of a weekday for each one of a usual day. Days with over ten
-- times the median of their program are bursts, which are left out and counted. Under 24 months all of it is provisional: not mature.
with
middles as (
    select
        j.program_id,
        min(j.first_month) as first_month,
        max(j.last_month) as last_month
    from {{ ref('kpi_days') }} as j
    group by j.program_id
),

months as (
    select
        j.program_id,
        j.period,
        coalesce(sum(j.treatments) filter (where not j.burst), 0) as treatments,
        coalesce(sum(j.treatments) filter (where j.burst), 0) as bursts,
        coalesce(sum(j.sound) filter (where not j.burst), 0) as sound
    from {{ ref('kpi_days') }} as j
    group by j.program_id, j.period
),

-- The twelve months around a month: the five on either side whole, the sixth on either side by half.
around as (
    select
        m.program_id,
        m.period,
        m.treatments,
        m.bursts,
        m.sound,
        sum(
            case
                when o.period = cast(m.period - interval '6 months' as date) or o.period = cast(m.period + interval '6 months' as date) then 1
                else 2
            end * o.treatments
        ) as twice
    from months as m
    inner join months as o
        on coalesce(o.program_id, 0) = coalesce(m.program_id, 0)
        and o.period >= m.period - interval '6 months'
        and o.period <= m.period + interval '6 months'
    group by m.program_id, m.period, m.treatments, m.bursts, m.sound
),

weekdays as (
    select
        j.program_id,
        cast(extract(isodow from j.day) as integer) as weekday,
        coalesce(sum(j.treatments) filter (where not j.burst), 0) as treatments,
        coalesce(sum(j.treatments) filter (where j.burst), 0) as bursts,
        coalesce(sum(j.sound) filter (where not j.burst), 0) as sound
    from {{ ref('kpi_days') }} as j
    group by j.program_id, cast(extract(isodow from j.day) as integer)
),

weeks as (
    select
        w.*,
        sum(w.treatments) over (partition by w.program_id) as whole
    from weekdays as w
),

figures as (
    select
        u.*,
        'true' as basis,
        m.last_month >= m.first_month + interval '23 months' as long_enough
    from (
        select
            a.period,
            a.program_id,
            'month_index' as measure,
            cast(null as varchar(1)) as part,
            a.treatments as n,
            a.treatments as numerator,
            case
                when k.first_month <= a.period - interval '6 months' and k.last_month >= a.period + interval '6 months' then {{ kpi_share('24 * a.treatments', 'a.twice') }}
            end as value,
            a.bursts as excluded,
            a.sound as trusted
        from around as a
        inner join middles as k on coalesce(k.program_id, 0) = coalesce(a.program_id, 0)
        union all
        select
            null,
            w.program_id,
            'weekday_index',
            cast(w.weekday as varchar(1)),
            w.treatments,
            w.treatments,
            {{ kpi_share('7 * w.treatments', 'w.whole') }},
            w.bursts,
            w.sound
        from weeks as w
    ) as u
    inner join middles as m on coalesce(m.program_id, 0) = coalesce(u.program_id, 0)
)

select
    {{ kpi_output('KPI-26', 'treated', measure='f.measure', part='f.part', value='f.value', rate='false', mature='f.long_enough') }}
from figures as f
