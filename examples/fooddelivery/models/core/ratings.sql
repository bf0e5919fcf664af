-- What customers think of a delivery, in one to five stars; any other number says nothing.
with
cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('order_id') }} as order_id,
        case when stars between 1 and 5 then cast(stars as smallint) end as stars,
        {{ clean_date('rated_at') }} as rated_at
    from {{ source('fooddelivery', 'ratings') }}
)

select
    r.id,
    r.order_id,
    r.stars,
    {{ given_basis('r.stars') }} as stars_basis,
    r.rated_at,
    {{ given_basis('r.rated_at') }} as rated_at_basis
from cleaned as r
