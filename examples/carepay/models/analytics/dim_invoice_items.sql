-- Invoice items as they are now.
select
    i.id,
    i.invoice_id as dim_invoice_id,
    i.treatment_id as dim_treatment_id,
    i.product_id as dim_product_id,
    t.program_id as dim_program_id,
    t.provider_id as dim_provider_id,
    i.status,
    i.amount,
    i.currency,
    i.date_created,
    {{ as_of() }} as as_of
from {{ ref('invoice_items') }} as i
left join {{ ref('treatments') }} as t on t.treatment_id = i.treatment_id
