-- Treatments, one row per source row that has a key. The root of everything else.
with
cleaned as (
    select
        cast(id as bigint) as id,
        status as status_raw,
        {{ clean_text('status') }} as status_word,
        {{ clean_date('date_created') }} as date_created,
        {{ clean_date('date_modified') }} as date_modified,
        {{ clean_date('date_submitted') }} as date_submitted,
        {{ clean_date('date_treatment') }} as date_treatment,
        {{ clean_id('provider_id') }} as provider_id,
        {{ clean_id('program_id') }} as program_id
    from {{ source('carepay', 'treatment') }}
),

-- The nearest dated ids around an undated one: numbers are given in the order of time.
gaps as (
    select
        id,
        below_id,
        above_id
    from (
        select
            id,
            date_created,
            max(case when date_created is not null then id end)
                over (order by id rows between unbounded preceding and current row) as below_id,
            min(case when date_created is not null then id end)
                over (order by id desc rows between unbounded preceding and current row) as above_id
        from cleaned
    ) as numbered
    where date_created is null
),

neighbours as (
    select
        g.id,
        b.date_created as below,
        a.date_created as above
    from gaps as g
    left join cleaned as b on b.id = g.below_id
    left join cleaned as a on a.id = g.above_id
),

bounded as (
    select
        c.*,
        n.below as lower_bound,
        case
            when c.date_created is null then least(n.above, c.date_modified, c.date_submitted)
        end as upper_bound
    from cleaned as c
    left join neighbours as n on n.id = c.id
)

select
    b.id,
    b.id as treatment_id,
    coalesce(m.canonical_state, 'unknown') as status,
    {{ status_basis('b', 'm') }} as status_basis,
    b.status_raw,
    b.provider_id,
    b.program_id,
    b.date_created,
    {{ date_basis('b.date_created') }} as date_created_basis,
    case when b.lower_bound <= b.upper_bound or b.upper_bound is null then b.lower_bound end as date_created_lower,
    case when b.lower_bound <= b.upper_bound or b.lower_bound is null then b.upper_bound end as date_created_upper,
    b.date_modified,
    {{ date_basis('b.date_modified') }} as date_modified_basis,
    b.date_submitted,
    {{ date_basis('b.date_submitted') }} as date_submitted_basis,
    b.date_treatment,
    {{ date_basis('b.date_treatment') }} as date_treatment_basis
from bounded as b
left join {{ ref('status_map') }} as m
    on m.entity = 'treatment'
    and upper(m.source_status) = upper(b.status_word)
    and {{ in_era('b.date_created', 'b.upper_bound') }}
