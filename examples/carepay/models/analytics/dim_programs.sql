-- Programs, as treatments and claims name them; the source has no table of them.
with
programs as (
    select dim_program_id from {{ ref('claim_counters_by_program') }}
    union
    select dim_program_id from {{ ref('treatment_counters_by_program') }}
)

select
    p.dim_program_id as id,
    {{ counted('t', 'treatments') }},
    {{ claim_counted('c') }},
    {{ as_of() }} as as_of
from programs as p
left join {{ ref('treatment_counters_by_program') }} as t on t.dim_program_id = p.dim_program_id
left join {{ ref('claim_counters_by_program') }} as c on c.dim_program_id = p.dim_program_id
