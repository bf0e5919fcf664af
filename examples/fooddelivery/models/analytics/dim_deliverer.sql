-- Deliverers, with what they do.
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
left join {{ ref('deliverer_counters_by_deliverer') }} as n on n.deliverer_id = e.id
