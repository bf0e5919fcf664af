-- What restaurants offer.
with
cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('restaurant_id') }} as restaurant_id,
        {{ clean_text('name') }} as name,
        {{ clean_amount('price') }} as price,
        {{ clean_text('currency') }} as currency
    from {{ source('fooddelivery', 'menu_items') }}
)

select
    m.id,
    m.restaurant_id,
    m.name,
    m.price,
    {{ given_basis('m.price') }} as price_basis,
    m.currency
from cleaned as m
