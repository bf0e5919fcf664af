-- What the activity facts say of each treatment must be what its dimension counts (CN20).
with
claims as (
    select
        dim_treatment_id,
        count(*) as dated,
        count(*) filter (where {{ in_last('activity_date', 7) }}) as last_7_days,
        count(*) filter (where {{ in_last('activity_date', 28) }}) as last_28_days
    from {{ ref('fct_claims_activity') }}
    where activity_status = 'created'
    group by dim_treatment_id
),

invoices as (
    select
        dim_treatment_id,
        count(*) as dated,
        count(*) filter (where {{ in_last('activity_date', 7) }}) as last_7_days,
        count(*) filter (where {{ in_last('activity_date', 28) }}) as last_28_days
    from {{ ref('fct_invoices_activity') }}
    where basis = 'column'
    group by dim_treatment_id
)

select d.id
from {{ ref('dim_treatments') }} as d
left join claims as c on c.dim_treatment_id = d.id
left join invoices as i on i.dim_treatment_id = d.id
where d.claims_total - d.claims_undated <> coalesce(c.dated, 0)
    or d.claims_last_7_days <> coalesce(c.last_7_days, 0)
    or d.claims_last_28_days <> coalesce(c.last_28_days, 0)
    or d.invoices_total - d.invoices_undated <> coalesce(i.dated, 0)
    or d.invoices_last_7_days <> coalesce(i.last_7_days, 0)
    or d.invoices_last_28_days <> coalesce(i.last_28_days, 0)
