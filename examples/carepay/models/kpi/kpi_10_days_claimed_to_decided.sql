-- Days from a claim to its first decision. Basis true leaves out decisions whose time is a proxy; basis proxy takes them.
with
legs as (
    select
        c.created_month as period,
        c.program_id,
        case when b.basis = 'proxy' or c.decided_basis = 'true' then {{ seconds_between('c.created_at', 'c.decided_at') }} end as seconds,
        c.sound and c.decided_basis = 'true' as sound,
        b.basis
    from {{ ref('kpi_claims') }} as c
    cross join (values ('true'), ('proxy')) as b (basis)
    where c.decided
),

figures as (
    {{ kpi_durations('legs') }}
)

select
    {{ kpi_output('KPI-10', 'created', measure='f.measure', value='f.value', mature_days='90', rate='false') }}
from figures as f
