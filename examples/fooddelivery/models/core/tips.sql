-- What customers give a deliverer on top.
with
cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('order_id') }} as order_id,
        {{ clean_amount('amount') }} as amount,
        {{ clean_text('currency') }} as currency,
        {{ clean_date('tipped_at') }} as tipped_at
    from {{ source('fooddelivery', 'tips') }}
)

select
    t.id,
    t.order_id,
    t.amount,
    {{ given_basis('t.amount') }} as amount_basis,
    t.currency,
    t.tipped_at,
    {{ given_basis('t.tipped_at') }} as tipped_at_basis
from cleaned as t
