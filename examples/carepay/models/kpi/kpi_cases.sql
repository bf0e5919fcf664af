-- Treatments as KPIs see them, with what hangs on them: the times of the case, its claims, invoices and items.
with
claimed as (
    select
        c.treatment_id,
        count(*) filter (where c.live) as live_claims,
        count(*) filter (where c.live and c.decided) as decided_claims,
        count(*) filter (where c.live and c.decided and not c.partly) as settled_claims,
        count(*) filter (where c.approved) as approved_claims,
        count(*) filter (where c.live and c.exact_duplicate) as duplicates,
        min(c.created_at) filter (where c.live) as claimed_at,
        min(c.decided_at) filter (where c.live and c.decided) as decided_at,
        min(c.decided_at) filter (where c.live and c.decided and c.decided_basis = 'true') as truly_decided_at
    from {{ ref('kpi_claims') }} as c
    group by c.treatment_id
),

invoiced as (
    select
        i.treatment_id,
        count(*) filter (where i.status <> 'void') as live_invoices,
        count(*) filter (where i.status in ('resubmitted', 'reopened')) as reworked_invoices
    from {{ ref('invoices') }} as i
    group by i.treatment_id
),

listed as (
    select
        a.treatment_id,
        cast(sum(a.items) as bigint) as live_items
    from {{ ref('kpi_amounts') }} as a
    group by a.treatment_id
)

select
    t.treatment_id,
    t.program_id,
    t.provider_id,
    t.status as state,
    t.status <> 'void' as live,
    t.status_basis in ('source', 'repaired') as sound,
    t.date_created as created_at,
    t.date_treatment as treated_at,
    s.submitted_at,
    c.claimed_at,
    c.decided_at,
    c.truly_decided_at,
    case when c.decided_at is null then null when c.decided_at = c.truly_decided_at then 'true' else 'proxy' end as decided_basis,
    cast({{ kpi_local('t.date_treatment', 't.program_id') }} as date) as treated_day,
    {{ kpi_month('t.date_created', 't.program_id') }} as created_month,
    {{ kpi_month('t.date_treatment', 't.program_id') }} as treated_month,
    {{ kpi_month('s.submitted_at', 't.program_id') }} as submitted_month,
    s.reworked or coalesce(i.reworked_invoices, 0) > 0 as resubmitted,
    case when s.reworked_at is not null then 'true' else 'proxy' end as resubmitted_basis,
    s.submitted_at is not null or t.status in ('submitted', 'in_review', 'approved', 'rejected', 'paid', 'resubmitted', 'reopened') as ever_submitted,
    s.changes,
    coalesce(c.live_claims, 0) as live_claims,
    coalesce(c.decided_claims, 0) as decided_claims,
    coalesce(c.settled_claims, 0) as settled_claims,
    coalesce(c.approved_claims, 0) as approved_claims,
    coalesce(c.duplicates, 0) as duplicates,
    coalesce(i.live_invoices, 0) as live_invoices,
    coalesce(l.live_items, 0) as live_items
from {{ ref('treatments') }} as t
left join {{ ref('kpi_steps') }} as s on s.treatment_id = t.treatment_id
left join claimed as c on c.treatment_id = t.treatment_id
left join invoiced as i on i.treatment_id = t.treatment_id
left join listed as l on l.treatment_id = t.treatment_id
