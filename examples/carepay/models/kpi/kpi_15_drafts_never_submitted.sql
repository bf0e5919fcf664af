-- Of the treatments, invoices and claims made in a month, how many still are drafts, or were never handed in, 30 days later. Care that is
-- only planned cannot be handed in, and a draft of a treatment that was taken back is nobody's work.
with
drafts as (
    select *
    from (
        select c.created_month as period, c.program_id, 'treatment' as part, c.created_at, c.live and not c.ever_submitted
                and c.state not in ('closed', 'expired', 'scheduled', 'preauth') as idle, c.sound
        from {{ ref('kpi_cases') }} as c
        union all
        select c.created_month, c.program_id, 'claim', c.created_at, c.live and c.state = 'draft', c.sound
        from {{ ref('kpi_claims') }} as c
        union all
        select {{ kpi_month('i.date_created', 't.program_id') }}, t.program_id, 'invoice', i.date_created, i.status = 'draft' and t.status <> 'void',
            i.status_basis in ('source', 'repaired')
        from {{ ref('invoices') }} as i
        left join {{ ref('treatments') }} as t on t.treatment_id = i.treatment_id
    ) as u
),

figures as (
    select
        d.period,
        d.program_id,
        d.part,
        count(*) filter (where d.period is not null) as n,
        count(*) filter (where d.idle and d.created_at < {{ as_of() }} - interval '30 days') as numerator,
        count(*) filter (where d.period is null) as excluded,
        count(*) filter (where d.period is not null and d.sound) as trusted,
        'true' as basis
    from drafts as d
    group by d.period, d.program_id, d.part
)

select
    {{ kpi_output('KPI-15', 'created', part='f.part', mature_days='30') }}
from figures as f
