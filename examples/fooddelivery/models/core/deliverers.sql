-- Deliverers, one row per account.
with
words as (
    {{ words('deliverers', 'vehicle', 'vehicle') }}
),

cleaned as (
    select
        d.*,
        {{ clean_date('d.hired_at') }} as hired
    from {{ source('fooddelivery', 'deliverers') }} as d
)

select
    cast(d.id as bigint) as id,
    {{ clean_text('d.name') }} as name,
    coalesce(w.word, 'unknown') as vehicle,
    {{ word_basis('d.vehicle') }} as vehicle_basis,
    {{ clean_id('d.region_id') }} as region_id,
    d.hired as hired_at,
    {{ given_basis('d.hired') }} as hired_at_basis
from cleaned as d
left join words as w on w.raw = d.vehicle
