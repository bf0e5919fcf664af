-- What happened to invoices, a row per activity. An undated invoice takes its treatment's date, and says so in its basis.
select
    {{ activity_id('invoice', 'i.id', "'created'", 'i.date_created_imputed') }} as id,
    i.date_created_imputed as activity_date,
    'created' as activity_status,
    cast(null as varchar(20)) as from_state,
    cast(null as varchar(20)) as to_state,
    case when i.date_created_imputed_basis = 'source' then 'column' else 'imputed' end as basis,
    cast(1 as integer) as occurrence,
    i.id as dim_invoice_id,
    i.treatment_id as dim_treatment_id,
    t.program_id as dim_program_id,
    t.provider_id as dim_provider_id
from {{ ref('invoices') }} as i
left join {{ ref('treatments') }} as t on t.treatment_id = i.treatment_id
where i.date_created_imputed is not null
