-- CN09 A treatment whose living items and claims are in two currencies is told. Only treatments that have one of a currency other than
-- the first of var currencies can be such, so only those are looked at.
with
amounts as (
    select treatment_id, currency
    from {{ ref('claims') }}
    where status <> 'void'
        and amount is not null
        and currency is not null
    union all
    select treatment_id, currency
    from {{ ref('invoice_items') }}
    where status <> 'void'
        and amount is not null
        and currency is not null
)

select
    treatment_id as id,
    min(currency) as currency,
    max(currency) as other_currency
from amounts
where treatment_id in (select treatment_id from amounts where currency <> '{{ var('currencies')[0] }}')
group by treatment_id
having min(currency) <> max(currency)
