-- All that customers did, also what has no time: the fact keeps the dated rows, the counters count both.
{{ config(materialized='ephemeral') }}

with
order_activities as (
    select *
    from (
        select
            {{ activity_id('orders', 'o.id') }} as id,
            o.placed_at as activity_time,
            'places_order' as activity_type,
            o.placed_at_basis as basis,
            o.id as order_id,
            o.amount,
            o.currency
        from {{ ref('orders') }} as o
        union all
        select
            {{ activity_id('order_events', 'e.id') }},
            e.happened_at,
            e.event,
            e.happened_at_basis,
            e.order_id,
            cast(null as numeric(19, 4)),
            cast(null as varchar)
        from {{ ref('order_events') }} as e
        where e.repeat_of is null
            and e.event in ('cancels_order', 'receives_order')
        union all
        select
            {{ activity_id('ratings', 'r.id') }},
            r.rated_at,
            'rates_driver',
            r.rated_at_basis,
            r.order_id,
            cast(null as numeric(19, 4)),
            cast(null as varchar)
        from {{ ref('ratings') }} as r
        union all
        select
            {{ activity_id('tips', 't.id') }},
            t.tipped_at,
            'tips_driver',
            t.tipped_at_basis,
            t.order_id,
            t.amount,
            t.currency
        from {{ ref('tips') }} as t
    ) as u
)

select *
from (
    select
        a.id,
        a.activity_time,
        a.activity_type,
        a.basis,
        o.customer_id,
        a.order_id,
        o.deliverer_id,
        o.restaurant_id,
        o.region_id,
        a.amount,
        a.currency
    from order_activities as a
    inner join {{ ref('orders') }} as o on o.id = a.order_id
    union all
    select
        {{ activity_id('session_events', 's.id') }},
        s.happened_at,
        s.event,
        s.happened_at_basis,
        s.customer_id,
        cast(null as bigint),
        cast(null as bigint),
        cast(null as bigint),
        c.region_id,
        cast(null as numeric(19, 4)),
        cast(null as varchar)
    from {{ ref('session_events') }} as s
    inner join {{ ref('customers') }} as c on c.id = s.customer_id
    where s.repeat_of is null
        and s.event in ('login', 'update_account_info', 'available_to_order')
) as u
