-- The states of treatments that have changed since they were first read, as kept in history; in the words of the business.
{{ config(materialized='ephemeral') }}

with
words as (
    {{ status_words('treatment') }}
)

select
    cast(b.id as bigint) as record_key,
    coalesce(m.canonical_state, 'unknown') as state,
    b._op as op,
    b._valid_from as valid_from,
    b._valid_to as valid_to,
    b._basis as basis,
    b._position as position,
    b._from_basis as from_basis
from (
    select
        v.id,
        v._op,
        v._valid_from,
        v._valid_to,
        v._basis,
        v._position,
        v._from_basis,
        {{ clean_date('v.date_created') }} as date_created,
        nullif(v.status, 'NULL') as status_raw
    from {{ versions('carepay', 'treatment', 'id', 'status', 'date_created') }} as v
) as b
left join words as m
    on {{ in_era('b.date_created') }}
