-- Providers within each program: how much they do, how fast, how well, and their rank by the lower bound of the approval rate. A provider
-- with less than the minimum of decided claims has no rank.
with
cases as (
    select
        c.program_id,
        c.provider_id,
        count(*) as treatments,
        count(*) filter (where not c.ever_submitted and c.state not in ('closed', 'expired', 'scheduled', 'preauth')) as drafts,
        count(*) filter (where c.ever_submitted) as submitted,
        count(*) filter (where c.ever_submitted and c.resubmitted) as resubmitted,
        count(*) filter (where c.sound) as sound,
        count(*) filter (where c.decided_claims > 0) as decided,
        count(*) filter (where c.decided_at >= c.treated_at) as timed,
        percentile_cont(0.5) within group (
            order by case when c.decided_at >= c.treated_at then cast({{ seconds_between('c.treated_at', 'c.decided_at') }} as double precision) end
        ) as seconds
    from {{ ref('kpi_cases') }} as c
    where c.live and c.provider_id is not null
    group by c.program_id, c.provider_id
),

decisions as (
    select
        c.program_id,
        c.provider_id,
        count(*) filter (where c.decided) as decided,
        count(*) filter (where c.approved) as approved,
        count(*) filter (where c.decided and c.sound) as sound
    from {{ ref('kpi_claims') }} as c
    where c.provider_id is not null
    group by c.program_id, c.provider_id
),

bounds as (
    select
        f.*,
        {{ kpi_wilson('-') }} as low
    from (
        select d.*, d.approved as numerator, d.decided as n
        from decisions as d
    ) as f
),

ranks as (
    select
        b.*,
        case
            when b.n >= {{ var('kpi_minimum_n', 30) }} then cast(rank() over (
                partition by b.program_id
                order by case when b.n >= {{ var('kpi_minimum_n', 30) }} then 0 else 1 end, b.low desc
            ) as numeric(38, 6))
        end as place
    from bounds as b
),

money as (
    select
        c.program_id,
        c.provider_id,
        c.currency,
        count(*) filter (where c.amount is not null and c.currency is not null) as n,
        sum(c.amount) filter (where c.currency is not null) as approved,
        count(*) filter (where c.amount is null or c.currency is null) as unknown,
        count(*) filter (where c.amount is not null and c.currency is not null and c.sound) as sound
    from {{ ref('kpi_claims') }} as c
    where c.approved and c.provider_id is not null
    group by c.program_id, c.provider_id, c.currency
),

figures as (
    select *
    from (
        select c.program_id, c.provider_id, cast(null as varchar(10)) as currency, 'treatments' as measure, c.treatments as n, c.treatments as numerator,
            0 as excluded, c.sound as trusted, cast(c.treatments as numeric(38, 6)) as value, 'true' as basis
        from cases as c
        union all
        select c.program_id, c.provider_id, null, 'days_p50', c.timed, c.timed, c.decided - c.timed, 0,
            {{ kpi_rounded('c.seconds / 86400') }}, 'proxy'
        from cases as c
        union all
        select c.program_id, c.provider_id, null, 'draft_share', c.treatments, c.drafts, 0, c.sound, {{ kpi_share('c.drafts', 'c.treatments') }}, 'true'
        from cases as c
        union all
        select c.program_id, c.provider_id, null, 'resubmission_rate', c.submitted, c.resubmitted, 0, 0, {{ kpi_share('c.resubmitted', 'c.submitted') }}, 'proxy'
        from cases as c
        union all
        select r.program_id, r.provider_id, null, 'approval_rate', r.decided, r.approved, 0, r.sound, {{ kpi_share('r.approved', 'r.decided') }}, 'true'
        from ranks as r
        union all
        select r.program_id, r.provider_id, null, 'approval_rank', r.decided, r.approved, 0, r.sound, r.place, 'true'
        from ranks as r
        union all
        select m.program_id, m.provider_id, m.currency, 'approved_amount', m.n, m.approved, m.unknown, m.sound, cast(m.approved as numeric(38, 6)), 'true'
        from money as m
    ) as u
),

undated as (
    select
        u.*,
        cast(null as date) as period
    from figures as u
)

select
    {{ kpi_output('KPI-22', 'all', measure='f.measure', provider='f.provider_id', currency='f.currency', value='f.value', rate="f.measure in ('draft_share', 'resubmission_rate', 'approval_rate')") }}
from undated as f
