-- Regions, as the app divides its cities.
select
    cast(id as bigint) as id,
    {{ clean_text('name') }} as name,
    {{ clean_text('city') }} as city
from {{ source('fooddelivery', 'regions') }}
