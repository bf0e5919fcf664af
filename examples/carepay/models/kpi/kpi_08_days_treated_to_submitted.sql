-- Days from the care to the treatment being handed in.
with
legs as (
    select
        c.treated_month as period,
        c.program_id,
        {{ seconds_between('c.treated_at', 'c.submitted_at') }} as seconds,
        c.sound,
        'true' as basis
    from {{ ref('kpi_cases') }} as c
    where c.live and c.ever_submitted
),

figures as (
    {{ kpi_durations('legs') }}
)

select
    {{ kpi_output('KPI-08', 'treated', measure='f.measure', value='f.value', mature_days='90', rate='false') }}
from figures as f
