-- What happened to orders, a row per activity. It stands in the facts of customers and deliverers too: here a question about orders needs
-- no join.
with
activities as (
    select *
    from (
        select
            c.id,
            c.activity_time,
            c.activity_type,
            c.basis,
            c.order_id,
            c.customer_id,
            c.deliverer_id,
            c.restaurant_id,
            c.region_id
        from {{ ref('fact_customer_activity') }} as c
        where c.activity_type = 'places_order'
        union all
        select
            d.id,
            d.activity_time,
            case d.activity_type when 'picks_up_order' then 'driver_picks_up_order' else 'driver_drops_off_order' end,
            d.basis,
            d.order_id,
            d.customer_id,
            d.deliverer_id,
            d.restaurant_id,
            d.region_id
        from {{ ref('fact_deliverer_activity') }} as d
        where d.activity_type in ('picks_up_order', 'drops_off_order')
    ) as u
)

select
    a.id,
    a.activity_time,
    a.activity_type,
    a.basis,
    cast(row_number() over (partition by a.order_id, a.activity_type order by a.activity_time, a.id) as integer) as occurrence,
    a.order_id,
    a.customer_id,
    a.deliverer_id,
    a.restaurant_id,
    a.region_id
from activities as a
