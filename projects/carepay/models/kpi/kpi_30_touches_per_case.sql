-- The way of a treatment to its first decision: steps on it, the share on the straight way, and the ten commonest ways. Steps at one
-- time stand in the order of the business.
with
cases as (
    select
        c.treatment_id,
        c.treated_month as period,
        c.program_id,
        c.decided_at,
        c.decided_basis,
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
),

ways as (
    select
        c.treatment_id,
        c.period,
        c.program_id,
        c.decided_basis,
        c.sound,
        count(s.step) as touches,
        coalesce(string_agg(s.step, ' > ' order by s.happened_at, s.place, s.id), '') as way
    from cases as c
    left join steps as s on s.treatment_id = c.treatment_id and s.happened_at <= c.decided_at
    group by c.treatment_id, c.period, c.program_id, c.decided_basis, c.sound
),

totals as (
    select
        w.period,
        w.program_id,
        count(*) filter (where w.period is not null and w.decided_basis is not null) as n,
        sum(w.touches) filter (where w.period is not null and w.decided_basis is not null) as touches,
        count(*) filter (
            where w.period is not null and w.way in ('treated > submitted > claimed > approved', 'treated > submitted > claimed > paid')
        ) as straight,
        count(*) filter (where w.period is null or w.decided_basis is null) as excluded,
        count(*) filter (where w.period is not null and w.sound and w.decided_basis = 'true') as trusted
    from ways as w
    group by w.period, w.program_id
),

counted as (
    select
        w.way,
        count(*) as numerator,
        count(*) filter (where w.sound and w.decided_basis = 'true') as trusted,
        sum(count(*)) over () as n,
        row_number() over (order by count(*) desc, w.way) as place
    from ways as w
    where w.decided_basis is not null
    group by w.way
),

figures as (
    select
        u.*,
        'proxy' as basis
    from (
        select
            t.period,
            t.program_id,
            m.measure,
            cast(null as varchar(400)) as part,
            t.n,
            case m.measure when 'touches' then t.touches else t.straight end as numerator,
            t.excluded,
            t.trusted
        from totals as t
        cross join (values ('touches'), ('straight_share')) as m (measure)
        union all
        select cast(null as date), cast(null as bigint), 'way', c.way, c.n, c.numerator, 0, case when c.n = 0 then 0 else c.trusted end
        from counted as c
        where c.place <= 10
    ) as u
)

select
    {{ kpi_output('KPI-30', 'treated', measure='f.measure', part='f.part', mature_days='90', rate="f.measure <> 'touches'") }}
from figures as f
