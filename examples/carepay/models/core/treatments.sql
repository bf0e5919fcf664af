-- Treatments, one row per source row that has a key. The root that everything else hangs on.
with
words as (
    {{ status_words('treatment') }}
),

cleaned as (
    select
        cast(id as bigint) as id,
        nullif(status, 'NULL') as status_raw,
        {{ clean_date('date_created') }} as date_created,
        {{ clean_date('date_modified') }} as date_modified,
        {{ clean_date('date_submitted') }} as date_submitted,
        {{ clean_date('date_treatment') }} as date_treatment,
        {{ clean_id('provider_id') }} as provider_id,
        {{ clean_id('program_id') }} as program_id
    from {{ source('carepay', 'treatment') }}
),

later as (
    {{ later_dates('cleaned') }}
),

bounded as (
    select
        c.*,
        case when c.date_created is null then least(l.above, c.date_modified, c.date_submitted) end as date_created_upper
    from cleaned as c
    left join later as l on l.id = c.id
)

select
    b.id,
    b.id as treatment_id,
    coalesce(m.canonical_state, 'unknown') as status,
    {{ status_basis() }} as status_basis,
    b.status_raw,
    b.provider_id,
    b.program_id,
    b.date_created,
    {{ given_basis('b.date_created') }} as date_created_basis,
    b.date_created_upper,
    b.date_modified,
    {{ given_basis('b.date_modified') }} as date_modified_basis,
    b.date_submitted,
    {{ given_basis('b.date_submitted') }} as date_submitted_basis,
    b.date_treatment,
    {{ given_basis('b.date_treatment') }} as date_treatment_basis
from bounded as b
left join words as m
    on {{ in_era('b.date_created, b.date_created_upper') }}
