-- The life of each claim on one line. Only true dates stand here; the one stand-in, the decision's, is marked proxy.
with
invoiced as (
    select
        i.treatment_id,
        min(i.date_created) as date_invoice_created_first,
        max(i.date_created) as date_invoice_created_last,
        count(i.date_created) as invoices_dated,
        count(*) as invoices_total,
        min(i.id) as dim_first_invoice_id,
        max(i.id) as dim_last_invoice_id
    from {{ ref('invoices') }} as i
    group by i.treatment_id
),

lives as (
    select
        c.*,
        t.provider_id,
        t.date_treatment,
        t.date_submitted,
        case when c.status in ('approved', 'partial', 'rejected', 'paid') then c.date_modified end as date_decided
    from {{ ref('claims') }} as c
    left join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
)

select
    l.id as dim_claim_id,
    l.treatment_id as dim_treatment_id,
    l.program_id as dim_program_id,
    l.provider_id as dim_provider_id,
    i.dim_first_invoice_id,
    i.dim_last_invoice_id,
    l.type,
    l.amount,
    l.currency,
    l.status,
    l.date_decided as status_since,
    case when l.date_decided is not null then 'proxy' end as status_since_basis,
    l.date_treatment,
    case when l.date_treatment is not null then 'column' end as date_treatment_basis,
    l.date_submitted,
    case when l.date_submitted is not null then 'column' end as date_submitted_basis,
    i.date_invoice_created_first as date_invoice_created,
    i.date_invoice_created_last,
    coalesce(i.invoices_dated, 0) as invoice_created_count,
    coalesce(i.invoices_total, 0) as invoices_total,
    case when i.date_invoice_created_first is not null then 'column' end as date_invoice_created_basis,
    l.date_created as date_claim_created,
    case when l.date_created is not null then 'column' end as date_claim_created_basis,
    l.date_decided,
    case when l.date_decided is not null then 'proxy' end as date_decided_basis,
    case when l.status in ('approved', 'paid') then l.date_decided end as date_approved,
    case when l.status = 'rejected' then l.date_decided end as date_rejected,
    {{ seconds_between('l.date_treatment', 'l.date_submitted') }} as lag_submitted_seconds,
    {{ seconds_between('l.date_treatment', 'i.date_invoice_created_first') }} as lag_invoice_created_seconds,
    {{ seconds_between('l.date_treatment', 'l.date_created') }} as lag_claim_created_seconds,
    {{ seconds_between('l.date_treatment', 'l.date_decided') }} as lag_decided_seconds,
    {{ as_of() }} as as_of
from lives as l
left join invoiced as i on i.treatment_id = l.treatment_id
