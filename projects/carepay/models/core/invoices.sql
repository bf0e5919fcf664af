-- Invoices, one row per source row that has a key.
with
cleaned as (
    select
        cast(id as bigint) as id,
        {{ clean_id('treatment_id') }} as treatment_id,
        status as status_raw,
        {{ clean_text('status') }} as status_word,
        {{ clean_date('date_created') }} as date_created
    from {{ source('carepay', 'invoice') }}
),

neighbours as (
    {{ id_neighbours('cleaned') }}
),

bounds as (
    select
        c.id,
        t.date_created as treatment_created,
        greatest(n.below, t.date_created) as lower_bound,
        n.above as upper_bound
    from neighbours as n
    inner join cleaned as c on c.id = n.id
    left join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
),

bounded as (
    select
        c.*,
        l.treatment_created,
        case when l.lower_bound > l.upper_bound then null else l.lower_bound end as date_created_lower,
        case when l.lower_bound > l.upper_bound then null else l.upper_bound end as date_created_upper
    from cleaned as c
    left join bounds as l on l.id = c.id
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
left join {{ ref('status_map') }} as m
    on m.entity = 'invoice'
    and upper(m.source_status) = upper(b.status_word)
    and {{ in_era() }}
