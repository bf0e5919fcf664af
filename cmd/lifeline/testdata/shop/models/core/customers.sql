select id, trim(name) as name
from {{ source('shop', 'customer') }}
