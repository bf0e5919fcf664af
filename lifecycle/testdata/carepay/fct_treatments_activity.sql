-- What happened to treatments, a row per activity.
with
activities as (
    select *
    from (
        select t.*, t.date_treatment as activity_date, 'treated' as activity_status, null as to_state
        from {{ ref('treatments') }} as t
        where t.date_treatment is not null
        union all
        select t.*, t.date_created, 'created', null
        from {{ ref('treatments') }} as t
        where t.date_created is not null
        union all
        select t.*, t.date_submitted, 'submitted', 'submitted'
        from {{ ref('treatments') }} as t
        where t.date_submitted is not null
    ) as u
)

select
    {{ activity_id('treatment', 'a.id', 'a.activity_status', 'a.activity_date') }} as id,
    a.activity_date,
    a.activity_status,
    cast(null as varchar(20)) as from_state,
    cast(a.to_state as varchar(20)) as to_state,
    'column' as basis,
    cast(1 as integer) as occurrence,
    a.treatment_id as dim_treatment_id,
    a.program_id as dim_program_id,
    a.provider_id as dim_provider_id
from activities as a
