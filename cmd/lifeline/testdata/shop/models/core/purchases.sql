select
    id,
    lower(status) as status,
    customer_id,
    placed_at,
    changed_at,
    amount,
    currency
from {{ source('shop', 'purchase') }}
