-- Each order's life on one line: the first time of each step, null where it has not come or has no true time.
with
steps as (
    select
        e.order_id,
        min(e.happened_at) filter (where e.event = 'accept_order') as accepted,
        min(e.happened_at) filter (where e.event = 'picks_up_order') as picked_up,
        min(e.happened_at) filter (where e.event = 'drops_off_order') as dropped_off,
        min(e.happened_at) filter (where e.event = 'receives_order') as received,
        min(e.happened_at) filter (where e.event = 'cancels_order') as cancelled,
        count(*) filter (where e.event = 'accept_order') as accepts
    from {{ ref('order_events') }} as e
    where e.repeat_of is null
        and (e.deliverer_id is not null or e.event in ('receives_order', 'cancels_order'))
    group by e.order_id
)

select
    o.id as order_id,
    o.customer_id,
    o.deliverer_id,
    o.restaurant_id,
    o.region_id,
    o.status,
    o.amount,
    o.currency,
    o.placed_at as places_order_time,
    s.accepted as deliverer_accepted_time,
    s.picked_up as deliverer_picks_up_order_time,
    s.dropped_off as deliverer_drops_off_order_time,
    s.received as receives_order_time,
    s.cancelled as cancels_order_time,
    coalesce(s.accepts, 0) as deliverers_accepted,
    {{ seconds_between('o.placed_at', 's.accepted') }} as lag_accepted_seconds,
    {{ seconds_between('o.placed_at', 's.picked_up') }} as lag_picked_up_seconds,
    {{ seconds_between('o.placed_at', 's.dropped_off') }} as lag_dropped_off_seconds,
    {{ as_of() }} as as_of
from {{ ref('orders') }} as o
left join steps as s on s.order_id = o.id
