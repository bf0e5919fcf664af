-- Every time on a claim's line must be that of its activity, and the other way round (CN19).
with
events as (
    select
        dim_treatment_id,
        dim_claim_id,
        min(activity_date) filter (where activity_status = 'treated') as date_treatment,
        min(activity_date) filter (where activity_status = 'submitted') as date_submitted,
        min(activity_date) filter (where activity_status = 'created') as date_claim_created,
        min(activity_date) filter (where activity_status = 'decided') as date_decided,
        count(*) as activities
    from {{ ref('fct_claims_activity') }}
    group by dim_treatment_id, dim_claim_id
),

invoices as (
    select
        dim_treatment_id,
        min(activity_date) as first_created,
        max(activity_date) as last_created,
        count(*) as dated
    from {{ ref('fct_invoices_activity') }}
    where basis = 'column'
    group by dim_treatment_id
)

select l.dim_claim_id
from {{ ref('dim_claims_lifecycle') }} as l
left join events as e on e.dim_treatment_id = l.dim_treatment_id and e.dim_claim_id = l.dim_claim_id
left join invoices as i on i.dim_treatment_id = l.dim_treatment_id
where l.date_treatment is distinct from e.date_treatment
    or l.date_submitted is distinct from e.date_submitted
    or l.date_claim_created is distinct from e.date_claim_created
    or l.date_decided is distinct from e.date_decided
    or l.date_invoice_created_first is distinct from i.first_created
    or l.date_invoice_created_last is distinct from i.last_created
    or l.invoices_dated <> coalesce(i.dated, 0)
    or coalesce(e.activities, 0) <> (case when l.date_treatment is null then 0 else 1 end)
        + (case when l.date_submitted is null then 0 else 1 end)
        + (case when l.date_claim_created is null then 0 else 1 end)
        + (case when l.date_decided is null then 0 else 1 end)
