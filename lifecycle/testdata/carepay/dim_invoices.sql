-- Invoices as they are now, with what stands on them.
with
items as (
    select
        i.treatment_id,
        i.invoice_id,
        {{ counters('invoice_items', 'i.date_created') }},
        sum(i.amount) filter (where i.status <> 'void' and i.currency is not null) as amount,
        min(i.currency) filter (where i.status <> 'void' and i.amount is not null) as lowest_currency,
        max(i.currency) filter (where i.status <> 'void' and i.amount is not null) as highest_currency
    from {{ ref('invoice_items') }} as i
    group by i.treatment_id, i.invoice_id
)

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
    {{ counted('i', 'invoice_items') }},
    {{ one_currency('i', 'cast(i.amount as numeric(38, 4))') }} as amount_total,
    {{ one_currency('i', 'i.lowest_currency') }} as amount_currency,
    {{ as_of() }} as as_of
from {{ ref('invoices') }} as v
left join {{ ref('treatments') }} as t on t.treatment_id = v.treatment_id
left join items as i on i.treatment_id = v.treatment_id and i.invoice_id = v.id
