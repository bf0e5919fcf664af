-- Days of a program with their treatments, and whether a day is a burst: over ten times the median of the program's days.
{{ config(materialized='ephemeral') }}
with
days as (
    select
        c.program_id,
        c.treated_day as day,
        c.treated_month as period,
        count(*) as treatments,
        count(*) filter (where c.sound) as sound
    from {{ ref('kpi_cases') }} as c
    where c.live and c.treated_day is not null
    group by c.program_id, c.treated_day, c.treated_month
),

middles as (
    select
        d.program_id,
        percentile_cont(0.5) within group (order by cast(d.treatments as double precision)) as middle,
        min(d.period) as first_month,
        max(d.period) as last_month
    from days as d
    group by d.program_id
)

select
    d.program_id,
    d.day,
    d.period,
    d.treatments,
    d.sound,
    d.treatments > 10 * m.middle as burst,
    m.first_month,
    m.last_month
from days as d
inner join middles as m on coalesce(m.program_id, 0) = coalesce(d.program_id, 0)
