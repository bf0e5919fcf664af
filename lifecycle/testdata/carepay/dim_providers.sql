-- Providers, as treatments name them; the source has no table of them. A claim counts for the provider of its treatment.
with
claim_counts as (
    select
        t.provider_id,
        {{ claim_counters('c') }}
    from {{ ref('claims') }} as c
    inner join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
    where t.provider_id is not null
    group by t.provider_id
),

treatment_counts as (
    select
        t.provider_id,
        {{ counters('treatments', 't.date_created') }}
    from {{ ref('treatments') }} as t
    where t.provider_id is not null
    group by t.provider_id
)

select
    t.provider_id as id,
    {{ counted('t', 'treatments') }},
    {{ claim_counted('c') }},
    {{ as_of() }} as as_of
from treatment_counts as t
left join claim_counts as c on c.provider_id = t.provider_id
