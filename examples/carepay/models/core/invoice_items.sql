-- Invoice items, one row per source row that has a key. The invoice gives the treatment and what is known of a missing date.
with
words as (
    {{ status_words('invoice_item') }}
),

cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('invoice_id') }} as invoice_id,
        nullif(status, 'NULL') as status_raw,
        {{ clean_date('date_created') }} as date_created,
        {{ clean_id('product_id') }} as product_id,
        currency as currency_raw,
        {{ clean_currency('currency') }} as currency,
        nullif(amount, 0) as amount
    from {{ source('carepay', 'invoice_item') }}
),

-- What nearly all claims of a program are in, for the few amounts that do not say.
program_currencies as materialized (
    {{ only_currencies(ref('claims'), "currency_basis <> 'imputed'") }}
),

currencies as (
    select
        c.id,
        k.currency
    from cleaned as c
    inner join {{ ref('invoices') }} as i on i.id = c.invoice_id
    inner join {{ ref('treatments') }} as t on t.treatment_id = i.treatment_id
    inner join program_currencies as k on k.program_id = t.program_id
    where c.currency is null
        and c.amount is not null
)

select
    b.id,
    i.treatment_id,
    b.invoice_id,
    b.product_id,
    coalesce(m.canonical_state, 'unknown') as status,
    {{ status_basis() }} as status_basis,
    b.status_raw,
    b.amount,
    {{ given_basis('b.amount') }} as amount_basis,
    coalesce(b.currency, k.currency) as currency,
    {{ currency_basis('k.currency') }} as currency_basis,
    b.date_created,
    {{ given_basis('b.date_created') }} as date_created_basis,
    case when b.date_created is null then coalesce(i.date_created, i.date_created_lower) end as date_created_lower,
    coalesce(b.date_created, i.date_created_imputed) as date_created_imputed,
    case
        when b.date_created is not null then 'source'
        when i.date_created_imputed is not null then 'imputed'
        else 'missing'
    end as date_created_imputed_basis,
    case
        when b.date_created is not null then 'invoice_item'
        else i.date_created_imputed_from
    end as date_created_imputed_from
from cleaned as b
left join {{ ref('invoices') }} as i on i.id = b.invoice_id
left join currencies as k on k.id = b.id
left join words as m
    on {{ in_era('b.date_created') }}
