-- Orders, one row per source row that has a key. deliverer_id is who has the order now.
with
words as (
    {{ words('orders', 'status', 'order') }}
),

cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('customer_id') }} as customer_id,
        {{ clean_id('restaurant_id') }} as restaurant_id,
        {{ clean_id('deliverer_id') }} as deliverer_id,
        {{ clean_id('region_id') }} as region_id,
        status as status_raw,
        {{ clean_date('placed_at') }} as placed_at,
        {{ clean_amount('amount') }} as amount,
        {{ clean_text('currency') }} as currency
    from {{ source('fooddelivery', 'orders') }}
)

select
    o.id,
    o.customer_id,
    o.restaurant_id,
    o.deliverer_id,
    o.region_id,
    coalesce(w.word, 'unknown') as status,
    {{ word_basis('o.status_raw') }} as status_basis,
    o.status_raw,
    o.placed_at,
    {{ given_basis('o.placed_at') }} as placed_at_basis,
    o.amount,
    {{ given_basis('o.amount') }} as amount_basis,
    o.currency
from cleaned as o
left join words as w on w.raw = o.status_raw
