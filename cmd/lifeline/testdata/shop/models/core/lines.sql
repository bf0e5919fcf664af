select l.id, l.purchase_id, p.customer_id, l.amount
from {{ source('shop', 'line') }} as l
left join {{ source('shop', 'purchase') }} as p on p.id = l.purchase_id
