-- Customers, one row per account.
with
cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_text('name') }} as name,
        {{ clean_id('region_id') }} as region_id,
        {{ clean_date('signed_up_at') }} as signed_up_at
    from {{ source('fooddelivery', 'customers') }}
)

select
    c.id,
    c.name,
    c.region_id,
    c.signed_up_at,
    {{ given_basis('c.signed_up_at') }} as signed_up_at_basis
from cleaned as c
