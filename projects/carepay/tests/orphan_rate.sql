-- Rows without a parent are set aside; more than 0.5 % of a table means that the source or its loading is broken (RI08).
with
orphans as (
    select
        'claim' as table_name,
        count(*) as in_source,
        (select count(*) from {{ ref('claims') }}) as in_core
    from {{ source('carepay', 'claim') }}
    union all
    select
        'invoice' as table_name,
        count(*) as in_source,
        (select count(*) from {{ ref('invoices') }}) as in_core
    from {{ source('carepay', 'invoice') }}
    union all
    select
        'invoice_item' as table_name,
        count(*) as in_source,
        (select count(*) from {{ ref('invoice_items') }}) as in_core
    from {{ source('carepay', 'invoice_item') }}
)

select
    table_name,
    in_source,
    in_core
from orphans
where (in_source - in_core) * 200 > in_source
