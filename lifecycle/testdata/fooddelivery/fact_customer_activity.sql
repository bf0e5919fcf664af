-- What customers did, a row per activity.
select
    a.id,
    a.activity_time,
    a.activity_type,
    a.basis,
    cast(row_number() over (partition by a.customer_id, a.activity_type order by a.activity_time, a.id) as integer) as occurrence,
    a.customer_id,
    a.order_id,
    a.deliverer_id,
    a.restaurant_id,
    a.region_id,
    a.amount,
    a.currency
from {{ ref('customer_activity') }} as a
where a.activity_time is not null
