-- What the activity facts say of each program must be what its dimension counts (CN20).
with
claims as (
    select
        dim_program_id as id,
        count(*) filter (where activity_status = 'created') as dated,
        count(*) filter (where activity_status = 'created' and {{ in_last('activity_date', 7) }}) as last_7_days,
        count(*) filter (where activity_status = 'created' and {{ in_last('activity_date', 28) }}) as last_28_days,
        count(*) filter (where to_state in ('approved', 'paid') and {{ in_last('activity_date', 28) }}) as approved,
        count(*) filter (where to_state = 'rejected' and {{ in_last('activity_date', 28) }}) as rejected
    from {{ ref('fct_claims_activity') }}
    group by dim_program_id
),

treatments as (
    select
        dim_program_id as id,
        count(*) as dated,
        count(*) filter (where {{ in_last('activity_date', 7) }}) as last_7_days,
        count(*) filter (where {{ in_last('activity_date', 28) }}) as last_28_days
    from {{ ref('fct_treatments_activity') }}
    where activity_status = 'created'
    group by dim_program_id
)

select d.id
from {{ ref('dim_programs') }} as d
left join claims as c on c.id = d.id
left join treatments as t on t.id = d.id
where d.claims_total - d.claims_undated <> coalesce(c.dated, 0)
    or d.claims_last_7_days <> coalesce(c.last_7_days, 0)
    or d.claims_last_28_days <> coalesce(c.last_28_days, 0)
    or d.approved_claims_last_28_days <> coalesce(c.approved, 0)
    or d.rejected_claims_last_28_days <> coalesce(c.rejected, 0)
    or d.treatments_total - d.treatments_undated <> coalesce(t.dated, 0)
    or d.treatments_last_7_days <> coalesce(t.last_7_days, 0)
    or d.treatments_last_28_days <> coalesce(t.last_28_days, 0)
