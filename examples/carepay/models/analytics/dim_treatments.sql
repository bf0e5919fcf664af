-- Treatments as they are now, with what hangs on them.
with
item_counts as (
    select
        i.dim_treatment_id,
        {%- for window in ['total', 'last_7_days', 'last_28_days', 'undated'] %}
        cast(sum(i.invoice_items_{{ window }}) as bigint) as invoice_items_{{ window }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('dim_invoices') }} as i
    group by i.dim_treatment_id
)

select
    t.id,
    t.program_id as dim_program_id,
    t.provider_id as dim_provider_id,
    t.status,
    t.status_basis,
    t.date_created,
    t.date_created_basis,
    t.date_modified,
    t.date_submitted,
    t.date_treatment,
    {{ counted('c', 'claims') }},
    {{ counted('c', 'approved_claims') }},
    {{ counted('c', 'rejected_claims') }},
    {{ counted('i', 'invoices') }},
    coalesce(i.resubmitted_invoices_total, 0) as resubmitted_invoices_total,
    {{ counted('n', 'invoice_items') }},
    {{ as_of() }} as as_of
from {{ ref('treatments') }} as t
left join {{ ref('claim_counters_by_treatment') }} as c on c.dim_treatment_id = t.treatment_id
left join {{ ref('invoice_counters_by_treatment') }} as i on i.dim_treatment_id = t.treatment_id
left join item_counts as n on n.dim_treatment_id = t.treatment_id
