-- Words that status_map does not know; more than 1 % of a table means that a new word came in and its meaning must be settled (VA06).
with
entities as (
    select 'treatment' as entity, count(*) as n, count(*) filter (where status = 'unknown') as unknown from {{ ref('treatments') }}
    union all
    select 'claim', count(*), count(*) filter (where status = 'unknown') from {{ ref('claims') }}
    union all
    select 'invoice', count(*), count(*) filter (where status = 'unknown') from {{ ref('invoices') }}
    union all
    select 'invoice_item', count(*), count(*) filter (where status = 'unknown') from {{ ref('invoice_items') }}
)

select
    entity,
    n,
    unknown
from entities
where unknown * 100 > n
