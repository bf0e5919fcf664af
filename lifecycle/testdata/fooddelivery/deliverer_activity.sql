-- All that deliverers did, also what has no time: the fact keeps the dated rows, the counters count both.
{{ config(materialized='ephemeral') }}

select *
from (
    select
        {{ activity_id('order_events', 'e.id') }} as id,
        e.happened_at as activity_time,
        e.event as activity_type,
        e.happened_at_basis as basis,
        e.deliverer_id,
        e.order_id,
        o.customer_id,
        o.restaurant_id,
        o.region_id
    from {{ ref('order_events') }} as e
    inner join {{ ref('orders') }} as o on o.id = e.order_id
    where e.deliverer_id is not null
        and e.repeat_of is null
        and e.event in ('accept_order', 'cancel_order', 'arrive_to_restaurant', 'picks_up_order', 'drops_off_order')
    union all
    select
        {{ activity_id('session_events', 's.id') }},
        s.happened_at,
        s.event,
        s.happened_at_basis,
        s.deliverer_id,
        cast(null as bigint),
        cast(null as bigint),
        cast(null as bigint),
        d.region_id
    from {{ ref('session_events') }} as s
    inner join {{ ref('deliverers') }} as d on d.id = s.deliverer_id
    where s.repeat_of is null
        and s.event in ('login', 'update_account_info', 'available_to_pickup')
) as u
