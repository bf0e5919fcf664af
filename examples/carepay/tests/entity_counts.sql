-- Each dimension and each flattened table has exactly the rows of its entity (promise 1).
with
counts as (
    select 'dim_treatments' as table_name, (select count(*) from {{ ref('dim_treatments') }}) as here, (select count(*) from {{ ref('treatments') }}) as in_core
    union all
    select 'dim_claims', (select count(*) from {{ ref('dim_claims') }}), (select count(*) from {{ ref('claims') }})
    union all
    select 'dim_invoices', (select count(*) from {{ ref('dim_invoices') }}), (select count(*) from {{ ref('invoices') }})
    union all
    select 'dim_invoice_items', (select count(*) from {{ ref('dim_invoice_items') }}), (select count(*) from {{ ref('invoice_items') }})
    union all
    select 'dim_claims_lifecycle', (select count(*) from {{ ref('dim_claims_lifecycle') }}), (select count(*) from {{ ref('claims') }})
)

select
    table_name,
    here,
    in_core
from counts
where here <> in_core
