-- Programs, as treatments and claims name them; the source has no table of them.
with
claim_counts as (
    select
        c.program_id,
        {{ claim_counters('c') }}
    from {{ ref('claims') }} as c
    where c.program_id is not null
    group by c.program_id
),

treatment_counts as (
    select
        t.program_id,
        {{ counters('treatments', 't.date_created') }}
    from {{ ref('treatments') }} as t
    where t.program_id is not null
    group by t.program_id
),

programs as (
    select program_id from claim_counts
    union
    select program_id from treatment_counts
)

select
    p.program_id as id,
    {{ counted('t', 'treatments') }},
    {{ claim_counted('c') }},
    {{ as_of() }} as as_of
from programs as p
left join treatment_counts as t on t.program_id = p.program_id
left join claim_counts as c on c.program_id = p.program_id
