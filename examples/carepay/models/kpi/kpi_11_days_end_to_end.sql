-- Days from the care to the first decision on it, and whether the three legs between add up to it. Basis true leaves out decisions
-- whose time is a proxy; basis proxy takes them.
with
legs as (
    select
        c.treated_month as period,
        c.program_id,
        case when b.basis = 'proxy' or c.decided_basis = 'true' then {{ seconds_between('c.treated_at', 'c.decided_at') }} end as seconds,
        {{ seconds_between('c.treated_at', 'c.submitted_at') }} as first_leg,
        {{ seconds_between('c.submitted_at', 'c.claimed_at') }} as second_leg,
        {{ seconds_between('c.claimed_at', 'c.decided_at') }} as third_leg,
        c.sound and c.decided_basis = 'true' as sound,
        b.basis
    from {{ ref('kpi_cases') }} as c
    cross join (values ('true'), ('proxy')) as b (basis)
    where c.live and c.decided_claims > 0
),

durations as (
    {{ kpi_durations('legs') }}
),

figures as (
    select *
    from (
        select d.period, d.program_id, d.n, d.numerator, d.excluded, d.trusted, d.basis, d.measure, d.value
        from durations as d
        union all
        select
            l.period,
            l.program_id,
            count(*) filter (where l.first_leg + l.second_leg + l.third_leg is not null),
            count(*) filter (where abs(l.first_leg + l.second_leg + l.third_leg - l.seconds) <= 2),
            count(*) filter (where l.first_leg + l.second_leg + l.third_leg is null),
            count(*) filter (where l.sound and l.first_leg + l.second_leg + l.third_leg is not null),
            'proxy',
            'legs_agree',
            {{ kpi_share(
                'count(*) filter (where abs(l.first_leg + l.second_leg + l.third_leg - l.seconds) <= 2)',
                'count(*) filter (where l.first_leg + l.second_leg + l.third_leg is not null)'
            ) }}
        from legs as l
        where l.basis = 'proxy'
        group by l.period, l.program_id
    ) as u
)

select
    {{ kpi_output('KPI-11', 'treated', measure='f.measure', value='f.value', mature_days='90', rate="f.measure = 'legs_agree'") }}
from figures as f
