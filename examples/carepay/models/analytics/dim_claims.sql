-- Claims as they are now.
select
    c.id,
    c.treatment_id as dim_treatment_id,
    c.program_id as dim_program_id,
    t.provider_id as dim_provider_id,
    c.status,
    c.status_basis,
    c.type,
    c.amount,
    c.currency,
    c.date_created,
    c.date_created_basis,
    c.date_created_lower,
    c.date_created_upper,
    c.date_modified,
    {{ as_of() }} as as_of
from {{ ref('claims') }} as c
left join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
