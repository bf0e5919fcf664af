-- Claims decided in a month for each one handed in during it; and for how many days the backlog at as_of would keep everybody busy at
-- the pace of the last 28 days.
with
moves as (
    select *
    from (
        select c.submitted_month as period, c.program_id, 1 as submitted, 0 as decided, 'true' as basis, c.sound
        from {{ ref('kpi_claims') }} as c
        where c.ever_submitted
        union all
        select c.decided_month, c.program_id, 0, 1, c.decided_basis, c.sound and c.decided_basis = 'true'
        from {{ ref('kpi_claims') }} as c
        where c.decided
    ) as u
),

figures as (
    select *
    from (
        select
            m.period,
            m.program_id,
            'clearance' as measure,
            case when m.period is null then 0 else sum(m.submitted) end as n,
            case when m.period is null then 0 else sum(m.decided) end as numerator,
            case when m.period is null then 0 else sum(m.submitted) end as denominator,
            case when m.period is null then sum(m.submitted) else 0 end as excluded,
            count(*) filter (where m.period is not null and m.submitted = 1 and m.sound) as trusted,
            case when m.period is not null then {{ kpi_share('sum(m.decided)', 'sum(m.submitted)') }} end as value,
            {{ kpi_basis('m.basis') }} as basis
        from moves as m
        group by m.period, m.program_id
        union all
        select
            null,
            c.program_id,
            'days_on_hand',
            count(*) filter (where c.waiting),
            count(*) filter (where c.waiting),
            count(*) filter (where c.decided and {{ in_last('c.decided_at', 28) }}),
            0,
            count(*) filter (where c.waiting and c.sound),
            {{ kpi_share('28 * count(*) filter (where c.waiting)', 'count(*) filter (where c.decided and ' ~ in_last('c.decided_at', 28) ~ ')') }},
            {{ kpi_basis('c.decided_basis') }}
        from {{ ref('kpi_claims') }} as c
        group by c.program_id
    ) as u
)

select
    {{ kpi_output('KPI-14', 'event', measure='f.measure', denominator='f.denominator', value='f.value', rate='false') }}
from figures as f
