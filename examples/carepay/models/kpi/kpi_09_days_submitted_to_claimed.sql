-- Days from the treatment being handed in to its first live claim; and how often that claim was there before, as a draft since the care
-- began, so that there are no such days.
with
legs as (
    select
        c.submitted_month as period,
        c.program_id,
        {{ seconds_between('c.submitted_at', 'c.claimed_at') }} as seconds,
        c.sound,
        'true' as basis
    from {{ ref('kpi_cases') }} as c
    where c.live and c.live_claims > 0
),

durations as (
    {{ kpi_durations('legs') }}
),

figures as (
    select *
    from (
        select d.period, d.program_id, d.n, d.numerator, d.excluded, d.trusted, d.basis, d.measure, d.value
        from durations as d
        union all
        select
            l.period,
            l.program_id,
            count(*) filter (where l.seconds is not null),
            count(*) filter (where l.seconds < 0),
            count(*) filter (where l.seconds is null),
            count(*) filter (where l.seconds is not null and l.sound),
            'true',
            'claimed_first',
            {{ kpi_share('count(*) filter (where l.seconds < 0)', 'count(*) filter (where l.seconds is not null)') }}
        from legs as l
        group by l.period, l.program_id
        having count(*) filter (where l.seconds < 0) > 0
    ) as u
)

select
    {{ kpi_output('KPI-09', 'submitted', measure='f.measure', value='f.value', mature_days='90', rate="f.measure = 'claimed_first'") }}
from figures as f
