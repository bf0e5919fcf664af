-- An order that was dropped off before it was picked up, or picked up before it was accepted, is told.
select order_id as id
from {{ ref('dim_orders') }}
where deliverer_drops_off_order_time < deliverer_picks_up_order_time
    or deliverer_picks_up_order_time < deliverer_accepted_time
    or deliverer_accepted_time < places_order_time
