-- Restaurants, with what is ordered of them and their menu as JSON text.
with
menus as (
    select
        i.restaurant_id,
        '[' || string_agg(
            '{"id":' || cast(i.id as varchar)
            || ',"name":' || coalesce({{ json_text('i.name') }}, 'null')
            || ',"price":' || coalesce(cast(i.price as varchar), 'null')
            || ',"currency":' || coalesce({{ json_text('i.currency') }}, 'null') || '}',
            ',' order by i.id
        ) || ']' as menu_items
    from {{ ref('menu_items') }} as i
    group by i.restaurant_id
)

select
    e.id as restaurant_id,
    e.name,
    e.category,
    e.category_basis,
    e.opening_hours,
    e.region_id,
    r.name as region,
    r.city,
    coalesce(m.menu_items, '[]') as menu_items,
    {{ counted('orders_placed') }},
    {{ counted('orders_cancelled') }},
    {{ counted('orders_received') }},
    {{ as_of() }} as as_of
from {{ ref('restaurants') }} as e
left join {{ ref('regions') }} as r on r.id = e.region_id
left join {{ ref('customer_counters_by_restaurant') }} as n on n.restaurant_id = e.id
left join menus as m on m.restaurant_id = e.id
