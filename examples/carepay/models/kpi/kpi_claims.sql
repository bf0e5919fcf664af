-- Claims as KPIs see them: what each one is, when it was decided first, in which months it counts, and whether its row can be trusted.
-- A claim that nobody has decided goes with its treatment: where that was taken back, the claim is neither live nor waiting.
with
decisions as (
    select
        a.dim_claim_id as claim_id,
        a.activity_date,
        a.basis,
        coalesce(a.to_state, a.activity_status) as to_state,
        row_number() over (partition by a.dim_claim_id order by a.activity_date, a.id) as place,
        max(case when coalesce(a.to_state, a.activity_status) = 'rejected' then 1 else 0 end) over (partition by a.dim_claim_id) as rejected
    from {{ ref('fct_claims_activity') }} as a
    where coalesce(a.to_state, a.activity_status) in ('approved', 'partial', 'rejected', 'paid')
),

lives as (
    select
        c.id as claim_id,
        c.treatment_id,
        c.program_id,
        t.program_id as treatment_program_id,
        t.provider_id,
        c.type,
        c.amount,
        c.currency,
        c.status as state,
        c.status <> 'void' and (c.status in ('approved', 'partial', 'rejected', 'paid') or t.status <> 'void') as live,
        c.status in ('approved', 'partial', 'rejected', 'paid') as decided,
        c.status in ('approved', 'paid') as approved,
        c.status = 'partial' as partly,
        c.status = 'rejected' as rejected,
        c.status = 'rejected' or coalesce(d.rejected, 0) = 1 as ever_rejected,
        c.status in ('submitted', 'in_review', 'resubmitted', 'reopened', 'approved', 'partial', 'rejected', 'paid') or d.claim_id is not null as ever_submitted,
        c.status in ('submitted', 'in_review', 'resubmitted', 'reopened') and t.status <> 'void' as waiting,
        c.date_created as created_at,
        t.date_treatment as treated_at,
        s.submitted_at,
        s.reworked,
        s.reworked and not coalesce(s.reworked_at > d.activity_date, false) as reworked_before,
        d.activity_date as decided_at,
        d.to_state as first_decision,
        case when d.basis in ('column', 'binlog') then 'true' when d.basis is not null then 'proxy' end as decided_basis,
        c.program_id <> t.program_id as mismatch,
        c.status_basis in ('source', 'repaired') and t.status_basis in ('source', 'repaired') as known
    from {{ ref('claims') }} as c
    left join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
    left join {{ ref('kpi_steps') }} as s on s.treatment_id = c.treatment_id
    left join decisions as d on d.claim_id = c.id and d.place = 1
),

-- Few treatments have two claims; only theirs are worth sorting.
crowded as (
    select l.treatment_id
    from lives as l
    where l.live and l.amount is not null and l.created_at is not null
    group by l.treatment_id
    having count(*) > 1
),

-- Live claims that another one on the same treatment resembles, within a day.
twins as (
    select
        l.claim_id,
        l.treatment_id,
        l.created_at - lag(l.created_at) over (
            partition by l.treatment_id, l.type, l.amount, l.currency, l.program_id order by l.created_at, l.claim_id
        ) as since_former,
        lead(l.created_at) over (
            partition by l.treatment_id, l.type, l.amount, l.currency, l.program_id order by l.created_at, l.claim_id
        ) - l.created_at as until_next
    from lives as l
    inner join crowded as k on k.treatment_id = l.treatment_id
    where l.live and l.amount is not null and l.created_at is not null
)

select
    l.*,
    cast({{ kpi_local('l.created_at', 'l.program_id') }} as date) as created_day,
    cast({{ kpi_local('l.decided_at', 'l.program_id') }} as date) as decided_day,
    {{ kpi_month('l.created_at', 'l.program_id') }} as created_month,
    {{ kpi_month('l.treated_at', 'l.program_id') }} as treated_month,
    {{ kpi_month('l.submitted_at', 'l.program_id') }} as submitted_month,
    {{ kpi_month('l.decided_at', 'l.program_id') }} as decided_month,
    coalesce(w.since_former <= interval '1 day' or w.until_next <= interval '1 day', false) as exact_duplicate,
    m.claim_id is not null as suspect,
    l.known and not coalesce(l.mismatch, true) and not coalesce(w.since_former <= interval '1 day' or w.until_next <= interval '1 day', false) as sound
from lives as l
left join twins as w on w.treatment_id = l.treatment_id and w.claim_id = l.claim_id
left join {{ ref('kpi_suspects') }} as m on m.treatment_id = l.treatment_id and m.claim_id = l.claim_id
