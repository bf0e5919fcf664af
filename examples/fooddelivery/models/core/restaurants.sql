-- Restaurants, their kitchen's category in one spelling.
with
words as (
    {{ words('restaurants', 'category', 'category') }}
)

select
    cast(r.id as bigint) as id,
    {{ clean_text('r.name') }} as name,
    coalesce(w.word, 'unknown') as category,
    {{ word_basis('r.category') }} as category_basis,
    {{ clean_id('r.region_id') }} as region_id,
    {{ clean_text('r.opening_hours') }} as opening_hours
from {{ source('fooddelivery', 'restaurants') }} as r
left join words as w on w.raw = r.category
