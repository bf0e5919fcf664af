-- Providers, as treatments name them; the source has no table of them. A claim counts for the provider of its treatment.
select
    t.dim_provider_id as id,
    {{ counted('t', 'treatments') }},
    {{ claim_counted('c') }},
    {{ as_of() }} as as_of
from {{ ref('treatment_counters_by_provider') }} as t
left join {{ ref('claim_counters_by_provider') }} as c on c.dim_provider_id = t.dim_provider_id
