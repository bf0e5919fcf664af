{{ config(materialized='ephemeral') }}
select
    v.id as record_key,
    lower(v.status) as state,
    v._op as op,
    v._valid_from as valid_from,
    v._valid_to as valid_to,
    v._basis as basis,
    v._position as position,
    v._from_basis as from_basis
from {{ versions('shop', 'purchase', 'id', 'status') }} as v
