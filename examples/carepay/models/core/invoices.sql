-- Invoices, one row per source row that has a key.
with
words as (
    {{ status_words('invoice') }}
),

cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('treatment_id') }} as treatment_id,
        nullif(status, 'NULL') as status_raw,
        {{ clean_date('date_created') }} as date_created
    from {{ source('carepay', 'invoice') }}
),

later as (
    {{ later_dates('cleaned') }}
),

bounds as (
    select
        c.*,
        t.date_created as treatment_created,
        case when c.date_created is null then t.date_created end as lower_bound,
        case when c.date_created is null then l.above end as upper_bound
    from cleaned as c
    left join later as l on l.id = c.id
    left join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
),

-- Bounds that contradict each other are none.
bounded as (
    select
        c.*,
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
    b.date_created,
    {{ given_basis('b.date_created') }} as date_created_basis,
    b.date_created_lower,
    b.date_created_upper,
    coalesce(b.date_created, b.treatment_created) as date_created_imputed,
    case
        when b.date_created is not null then 'source'
        when b.treatment_created is not null then 'imputed'
        else 'missing'
    end as date_created_imputed_basis,
    case
        when b.date_created is not null then 'invoice'
        when b.treatment_created is not null then 'treatment'
    end as date_created_imputed_from
from bounded as b
left join words as m
    on {{ in_era('b.date_created, b.date_created_upper') }}
