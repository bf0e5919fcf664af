-- An order's first times must be those of its activities.
select d.order_id as id
from {{ ref('dim_orders') }} as d
left join (
    select
        order_id,
        min(activity_time) filter (where activity_type = 'places_order') as placed,
        min(activity_time) filter (where activity_type = 'driver_picks_up_order') as picked_up,
        min(activity_time) filter (where activity_type = 'driver_drops_off_order') as dropped_off
    from {{ ref('fact_order_activity') }}
    group by order_id
) as f on f.order_id = d.order_id
where d.places_order_time is distinct from f.placed
    or d.deliverer_picks_up_order_time is distinct from f.picked_up
    or d.deliverer_drops_off_order_time is distinct from f.dropped_off
