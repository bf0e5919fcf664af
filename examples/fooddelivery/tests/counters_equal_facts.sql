-- What the activity facts say of each person and restaurant must be what its dimension counts.
select 'deliverer' as dimension, d.deliverer_id as id
from {{ ref('dim_deliverer') }} as d
left join (
    select
        a.deliverer_id,
        {{ counters('logins', 'login') }},
        {{ counters('accepted', 'accept_order') }},
        {{ counters('dropped', 'drops_off_order') }}
    from {{ ref('fact_deliverer_activity') }} as a
    group by a.deliverer_id
) as f on f.deliverer_id = d.deliverer_id
where d.logins_total - d.logins_undated <> coalesce(f.logins_total, 0)
    or d.logins_last_7_days <> coalesce(f.logins_last_7_days, 0)
    or d.orders_accepted_last_28_days <> coalesce(f.accepted_last_28_days, 0)
    or d.orders_dropped_off_total - d.orders_dropped_off_undated <> coalesce(f.dropped_total, 0)
    or d.orders_dropped_off_last_7_days <> coalesce(f.dropped_last_7_days, 0)
union all
select 'customer' as dimension, d.customer_id as id
from {{ ref('dim_customer') }} as d
left join (
    select
        a.customer_id,
        {{ counters('logins', 'login') }},
        {{ counters('placed', 'places_order') }},
        {{ counters('received', 'receives_order') }}
    from {{ ref('fact_customer_activity') }} as a
    group by a.customer_id
) as f on f.customer_id = d.customer_id
where d.logins_total - d.logins_undated <> coalesce(f.logins_total, 0)
    or d.orders_placed_total - d.orders_placed_undated <> coalesce(f.placed_total, 0)
    or d.orders_placed_last_7_days <> coalesce(f.placed_last_7_days, 0)
    or d.orders_received_last_28_days <> coalesce(f.received_last_28_days, 0)
