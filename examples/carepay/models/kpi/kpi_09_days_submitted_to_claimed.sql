-- Days from the treatment being handed in to its first live claim.
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

figures as (
    {{ kpi_durations('legs') }}
)

select
    {{ kpi_output('KPI-09', 'submitted', measure='f.measure', value='f.value', mature_days='90', rate='false') }}
from figures as f
