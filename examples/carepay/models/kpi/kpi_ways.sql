-- The way of each treatment to its first decision, and how many steps it has. Steps at one time stand in the order of the business.
with
cases as (
    select
        c.treatment_id,
        c.treated_month as period,
        c.program_id,
        c.decided_at,
        c.decided_basis,
        c.claimed_at is not null as claim_dated,
        c.sound
    from {{ ref('kpi_cases') }} as c
    where c.live and c.decided_claims > 0
),

steps as (
    select *
    from (
        select
            a.dim_treatment_id as treatment_id,
            a.activity_date as happened_at,
            case a.activity_status when 'treated' then 1 when 'submitted' then 2 else 4 end as place,
            a.activity_status as step,
            a.id
        from {{ ref('fct_treatments_activity') }} as a
        where a.activity_status <> 'created'
        union all
        select
            a.dim_treatment_id,
            a.activity_date,
            case a.activity_status when 'created' then 3 else 5 end,
            case a.activity_status when 'created' then 'claimed' else coalesce(a.to_state, a.activity_status) end,
            a.id
        from {{ ref('fct_claims_activity') }} as a
        where a.activity_status not in ('treated', 'submitted')
    ) as u
)

select
    c.treatment_id,
    c.period,
    c.program_id,
    c.decided_basis,
    c.claim_dated,
    c.sound,
    count(s.step) as touches,
    coalesce(string_agg(s.step, ' > ' order by s.happened_at, s.place, s.id), '') as way
from cases as c
left join steps as s on s.treatment_id = c.treatment_id and s.happened_at <= c.decided_at
group by c.treatment_id, c.period, c.program_id, c.decided_basis, c.claim_dated, c.sound
