-- Deliverers, with what they do.
with
counts as (
    select
        a.deliverer_id,
        {{ counters('logins', 'login') }},
        {{ counters('orders_accepted', 'accept_order') }},
        {{ counters('orders_cancelled', 'cancel_order') }},
        {{ counters('orders_picked_up', 'picks_up_order') }},
        {{ counters('orders_dropped_off', 'drops_off_order') }}
    from {{ ref('deliverer_activity') }} as a
    where a.deliverer_id is not null
    group by a.deliverer_id
)

select
    e.id as deliverer_id,
    e.name,
    e.vehicle,
    e.vehicle_basis,
    e.region_id,
    r.name as region,
    r.city,
    e.hired_at,
    e.hired_at_basis,
    {{ counted('logins') }},
    {{ counted('orders_accepted') }},
    {{ counted('orders_cancelled') }},
    {{ counted('orders_picked_up') }},
    {{ counted('orders_dropped_off') }},
    {{ as_of() }} as as_of
from {{ ref('deliverers') }} as e
left join {{ ref('regions') }} as r on r.id = e.region_id
left join counts as n on n.deliverer_id = e.id
