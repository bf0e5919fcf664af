-- Claims, one row per source row that has a key.
with
words as (
    {{ status_words('claim') }}
),

cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('treatment_id') }} as treatment_id,
        nullif(status, 'NULL') as status_raw,
        type as type_raw,
        case when type in ('Benefit', 'Voucher') then type else {{ clean_text('type') }} end as type_word,
        {{ clean_date('date_created') }} as date_created,
        {{ clean_date('date_modified') }} as date_modified,
        {{ clean_id('program_id') }} as program_id,
        nullif(amount, 0) as amount,
        currency as currency_raw,
        {{ clean_currency('currency') }} as currency
    from {{ source('carepay', 'claim') }}
),

later as (
    {{ later_dates('cleaned') }}
),

-- What nearly all amounts of a program are in, for those that do not say.
currencies as (
    {{ only_currencies('cleaned') }}
),

bounds as (
    select
        c.*,
        case when c.date_created is null then t.date_created end as lower_bound,
        case when c.date_created is null then least(l.above, c.date_modified) end as upper_bound
    from cleaned as c
    left join later as l on l.id = c.id
    left join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
),

-- Bounds that contradict each other are none.
bounded as (
    select
        c.*,
        case
            when c.type_word in ('Benefit', 'Voucher') then c.type_word
            when {{ capitals('c.type_word') }} = 'BENEFIT' then 'Benefit'
            when {{ capitals('c.type_word') }} = 'VOUCHER' then 'Voucher'
            else c.type_word
        end as type,
        case when c.lower_bound > c.upper_bound then null else c.lower_bound end as date_created_lower,
        case when c.lower_bound > c.upper_bound then null else c.upper_bound end as date_created_upper
    from bounds as c
)

select
    b.id,
    b.treatment_id,
    coalesce(m.canonical_state, 'unknown') as status,
    {{ status_basis() }} as status_basis,
    b.status_raw,
    b.type,
    {{ text_basis('b.type_raw', 'b.type') }} as type_basis,
    b.program_id,
    b.amount,
    {{ given_basis('b.amount') }} as amount_basis,
    coalesce(b.currency, k.currency) as currency,
    {{ currency_basis('k.currency') }} as currency_basis,
    b.date_created,
    {{ given_basis('b.date_created') }} as date_created_basis,
    b.date_created_lower,
    b.date_created_upper,
    b.date_modified,
    {{ given_basis('b.date_modified') }} as date_modified_basis
from bounded as b
left join currencies as k on k.program_id = b.program_id and b.currency is null and b.amount is not null
left join words as m
    on {{ in_era('b.date_created, b.date_created_upper') }}
