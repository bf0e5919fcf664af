-- Times in which a customer is premium. No end means that it goes on; a period that ends before it begins is no period.
with
cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('customer_id') }} as customer_id,
        {{ clean_date('starts_at') }} as starts_at,
        {{ clean_date('ends_at') }} as ends_at
    from {{ source('fooddelivery', 'premium_periods') }}
)

select
    p.id,
    p.customer_id,
    p.starts_at,
    {{ given_basis('p.starts_at') }} as starts_at_basis,
    p.ends_at,
    p.starts_at is not null and coalesce(p.ends_at > p.starts_at, true) as is_valid
from cleaned as p
