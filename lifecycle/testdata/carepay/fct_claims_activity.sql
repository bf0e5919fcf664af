-- What happened to claims, a row per activity. Each date column is seen once, so each activity occurs once per claim.
with
lives as (
    select
        c.id,
        c.treatment_id,
        c.program_id,
        t.provider_id,
        c.status,
        c.amount,
        c.currency,
        c.date_created,
        c.date_modified,
        t.date_treatment,
        t.date_submitted
    from {{ ref('claims') }} as c
    left join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
),

activities as (
    select *
    from (
        select l.*, l.date_treatment as activity_date, 'treated' as activity_status, 'column' as basis, null as to_state
        from lives as l
        where l.date_treatment is not null
        union all
        select l.*, l.date_submitted, 'submitted', 'column', null
        from lives as l
        where l.date_submitted is not null
        union all
        select l.*, l.date_created, 'created', 'column', null
        from lives as l
        where l.date_created is not null
        union all
        select l.*, l.date_modified, 'decided', 'proxy', l.status
        from lives as l
        where l.date_modified is not null and l.status in ('approved', 'partial', 'rejected', 'paid')
    ) as u
)

select
    {{ activity_id('claim', 'a.id', 'a.activity_status', 'a.activity_date') }} as id,
    a.activity_date,
    a.activity_status,
    cast(null as varchar(20)) as from_state,
    cast(a.to_state as varchar(20)) as to_state,
    a.basis,
    cast(1 as integer) as occurrence,
    a.amount,
    a.currency,
    a.id as dim_claim_id,
    a.treatment_id as dim_treatment_id,
    a.program_id as dim_program_id,
    a.provider_id as dim_provider_id
from activities as a
