-- What happened to invoice items, a row per activity. An undated item takes the date of its invoice or its treatment, and says so
-- in its basis.
select
    {{ activity_id('invoice_item', 'i.id', "'created'", 'i.date_created_imputed') }} as id,
    i.date_created_imputed as activity_date,
    'created' as activity_status,
    cast(null as varchar(20)) as from_state,
    cast(null as varchar(20)) as to_state,
    case when i.date_created_imputed_basis = 'source' then 'column' else 'imputed' end as basis,
    cast(1 as integer) as occurrence,
    i.amount,
    i.currency,
    i.id as dim_invoice_item_id,
    i.invoice_id as dim_invoice_id,
    i.treatment_id as dim_treatment_id,
    i.product_id as dim_product_id,
    t.program_id as dim_program_id,
    t.provider_id as dim_provider_id
from {{ ref('invoice_items') }} as i
left join {{ ref('treatments') }} as t on t.treatment_id = i.treatment_id
where i.date_created_imputed is not null
