-- Invoices as they are now, with what stands on them.
select
    v.id,
    v.treatment_id as dim_treatment_id,
    t.program_id as dim_program_id,
    t.provider_id as dim_provider_id,
    v.status,
    v.status_basis,
    v.date_created,
    v.date_created_basis,
    v.date_created_lower,
    v.date_created_upper,
    v.date_created_imputed,
    v.date_created_imputed_basis,
    {{ counted('n', 'invoice_items') }},
    n.amount_total,
    n.amount_currency,
    {{ as_of() }} as as_of
from {{ ref('invoices') }} as v
left join {{ ref('treatments') }} as t on t.treatment_id = v.treatment_id
left join {{ ref('invoice_item_counters_by_invoice') }} as n on n.dim_treatment_id = v.treatment_id and n.dim_invoice_id = v.id
