-- Of the treatments handed in at least 14, 30 or 90 days ago, how many were decided within that time. One that waits has failed.
with
-- A decision without a time, or before the treatment was handed in, says nothing of how long it took.
lives as (
    select
        c.*,
        b.basis,
        c.submitted_at is not null
            and (c.decided_claims = 0 or coalesce(c.decided_at >= c.submitted_at, false))
            and (b.basis = 'proxy' or coalesce(c.decided_basis, 'true') = 'true') as usable
    from {{ ref('kpi_cases') }} as c
    cross join (values ('true'), ('proxy')) as b (basis)
    where c.live and c.ever_submitted
),

figures as (
    select
        l.submitted_month as period,
        l.program_id,
        d.days,
        l.basis,
        count(*) filter (where l.usable) as n,
        count(*) filter (where l.usable and l.decided_at <= l.submitted_at + interval '1 day' * d.days) as numerator,
        count(*) filter (where not l.usable) as excluded,
        count(*) filter (where l.usable and l.sound and coalesce(l.decided_basis, 'true') = 'true') as trusted
    from lives as l
    cross join (values (14), (30), (90)) as d (days)
    where l.submitted_at is null or l.submitted_at <= {{ as_of() }} - interval '1 day' * d.days
    group by l.submitted_month, l.program_id, d.days, l.basis
)

select
    {{ kpi_output('KPI-12', 'submitted', part='f.days', mature_days='f.days') }}
from figures as f
