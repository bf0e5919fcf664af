-- Of the claims made for a provider's treatments in a program, how many were taken back, by themselves or with their treatment.
with
figures as (
    select
        cast(null as date) as period,
        c.program_id,
        c.provider_id,
        count(*) as n,
        count(*) filter (where not c.live) as numerator,
        0 as excluded,
        count(*) filter (where c.known) as trusted,
        'true' as basis
    from {{ ref('kpi_claims') }} as c
    group by c.program_id, c.provider_id
)

select
    {{ kpi_output('KPI-29', 'all', provider='f.provider_id') }}
from figures as f
