-- When treatments were handed in and whether they came back, from their activities and, where there are none, from their columns.
{{ config(materialized='ephemeral') }}
select
    t.treatment_id,
    coalesce(e.submitted_at, t.date_submitted) as submitted_at,
    e.reworked_at,
    e.reworked_at is not null or t.status in ('resubmitted', 'reopened') as reworked,
    coalesce(e.changes, 0) as changes
from {{ ref('treatments') }} as t
left join (
    select
        a.dim_treatment_id as treatment_id,
        min(a.activity_date) filter (where a.activity_status = 'submitted' and a.basis in ('column', 'binlog')) as submitted_at,
        min(a.activity_date) filter (where coalesce(a.to_state, a.activity_status) in ('resubmitted', 'reopened')) as reworked_at,
        count(*) filter (where a.to_state is not null) as changes
    from {{ ref('fct_treatments_activity') }} as a
    group by a.dim_treatment_id
) as e on e.treatment_id = t.treatment_id
