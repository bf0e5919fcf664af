-- Customers, with what they do and whether they are premium now.
with
-- Periods that hold at as_of; one without an end goes on.
premium as (
    select
        q.customer_id,
        min(q.starts_at) as premium_since,
        max(coalesce(q.ends_at, timestamp '9999-12-31 00:00:00')) as premium_until
    from {{ ref('premium_periods') }} as q
    where q.is_valid
        and q.starts_at < {{ as_of() }}
        and coalesce(q.ends_at >= {{ as_of() }}, true)
    group by q.customer_id
)

select
    e.id as customer_id,
    e.name,
    e.region_id,
    r.name as region,
    r.city,
    e.signed_up_at,
    e.signed_up_at_basis,
    p.customer_id is not null as is_premium,
    p.premium_since,
    nullif(p.premium_until, timestamp '9999-12-31 00:00:00') as premium_until,
    {{ counted('logins') }},
    {{ counted('orders_placed') }},
    {{ counted('orders_cancelled') }},
    {{ counted('orders_received') }},
    {{ counted('ratings') }},
    {{ counted('tips') }},
    {{ as_of() }} as as_of
from {{ ref('customers') }} as e
left join {{ ref('regions') }} as r on r.id = e.region_id
left join {{ ref('customer_counters_by_customer') }} as n on n.customer_id = e.id
left join premium as p on p.customer_id = e.id
