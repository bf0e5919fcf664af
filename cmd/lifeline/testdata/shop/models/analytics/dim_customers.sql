select
    c.id,
    c.name,
    (select count(*) from {{ ref('purchases') }} as p where p.customer_id = c.id) as purchases_total,
    cast('{{ var("as_of") }}' as timestamp) as as_of
from {{ ref('customers') }} as c
