-- Providers unlike the others of their program and year: robust z of six features, and a flag for any beyond 3.5 or two beyond 2.5.
with
cases as (
    select
        cast(date_trunc('year', c.treated_month) as date) as period,
        c.program_id,
        c.provider_id,
        c.treatment_id,
        c.live_items,
        c.live_claims,
        c.duplicates,
        c.sound
    from {{ ref('kpi_cases') }} as c
    where c.live and c.provider_id is not null and c.treated_month is not null
),

counts as (
    select
        c.period,
        c.program_id,
        c.provider_id,
        count(*) as n,
        count(*) filter (where c.sound) as trusted,
        {{ kpi_share('sum(c.live_items)', 'count(*)') }} as items_per_treatment,
        {{ kpi_share('sum(c.live_claims)', 'count(*)') }} as claims_per_treatment,
        {{ kpi_share('sum(c.duplicates)', 'sum(c.live_claims)') }} as exact_duplicates
    from cases as c
    group by c.period, c.program_id, c.provider_id
),

claims as (
    select
        cast(date_trunc('year', c.treated_month) as date) as period,
        c.treatment_program_id as program_id,
        c.provider_id,
        {{ kpi_share('count(*) filter (where c.rejected)', 'count(*) filter (where c.decided)') }} as rejection_rate,
        {{ kpi_share('count(*) filter (where mod(c.amount, 100) = 0)', 'count(c.amount)') }} as round_amounts
    from {{ ref('kpi_claims') }} as c
    where c.live
    group by cast(date_trunc('year', c.treated_month) as date), c.treatment_program_id, c.provider_id
),

costs as (
    select
        c.period,
        c.program_id,
        c.provider_id,
        a.currency,
        {{ kpi_rounded('ln(' ~ kpi_real('sum(a.approved)') ~ ' / count(*))') }} as log_cost
    from cases as c
    inner join {{ ref('kpi_amounts') }} as a on a.treatment_id = c.treatment_id
    where a.approved > 0
        and a.currency is not null
        and a.approved_unknown = 0
    group by c.period, c.program_id, c.provider_id, a.currency
),

features as (
    select
        k.period,
        k.program_id,
        k.provider_id,
        cast(null as varchar(10)) as currency,
        k.n,
        k.trusted,
        m.measure,
        case m.measure
            when 'items_per_treatment' then k.items_per_treatment
            when 'claims_per_treatment' then k.claims_per_treatment
            when 'exact_duplicates' then k.exact_duplicates
            when 'rejection_rate' then c.rejection_rate
            else c.round_amounts
        end as x
    from counts as k
    left join claims as c on c.provider_id = k.provider_id and c.program_id = k.program_id and c.period = k.period
    cross join (values ('items_per_treatment'), ('claims_per_treatment'), ('exact_duplicates'), ('rejection_rate'), ('round_amounts')) as m (measure)
),

measured as (
    select *
    from (
        select * from features
        union all
        select c.period, c.program_id, c.provider_id, c.currency, k.n, k.trusted, 'log_cost', c.log_cost
        from costs as c
        inner join counts as k on k.provider_id = c.provider_id and k.program_id = c.program_id and k.period = c.period
    ) as u
),

-- The median of a group is the mean of its one or two middle rows. Windows find it without joining the groups to their rows again, which
-- PostgreSQL would do row by row: it cannot know how many groups there are.
placed as (
    select
        m.*,
        row_number() over (partition by m.period, m.program_id, m.measure, coalesce(m.currency, '') order by {{ kpi_real('m.x') }}) as place,
        count(m.x) over (partition by m.period, m.program_id, m.measure, coalesce(m.currency, '')) as many
    from measured as m
),

deviations as (
    select
        p.period,
        p.program_id,
        p.provider_id,
        p.currency,
        p.n,
        p.trusted,
        p.measure,
        p.x,
        p.many,
        {{ kpi_real('p.x') }} - avg(case when 2 * p.place between p.many and p.many + 2 then {{ kpi_real('p.x') }} end) over (partition by p.period, p.program_id, p.measure, coalesce(p.currency, '')) as deviation
    from placed as p
),

distances as (
    select
        d.*,
        row_number() over (partition by d.period, d.program_id, d.measure, coalesce(d.currency, '') order by abs(d.deviation)) as place
    from deviations as d
),

scores as (
    select
        d.period,
        d.program_id,
        d.provider_id,
        d.currency,
        d.n,
        d.trusted,
        d.measure,
        d.x,
        {{ kpi_rounded("0.6745 * d.deviation / nullif(avg(case when 2 * d.place between d.many and d.many + 2 then abs(d.deviation) end) over (partition by d.period, d.program_id, d.measure, coalesce(d.currency, '')), 0)") }} as value
    from distances as d
),

figures as (
    select
        u.*,
        0 as excluded,
        'true' as basis
    from (
        select s.period, s.program_id, s.provider_id, s.currency, s.n, s.trusted, s.measure, s.x as numerator, s.value
        from scores as s
        union all
        select
            s.period,
            s.program_id,
            s.provider_id,
            null,
            max(s.n),
            max(s.trusted),
            'flag',
            count(*) filter (where abs(s.value) > 2.5),
            case when count(*) filter (where abs(s.value) > 3.5) > 0 or count(*) filter (where abs(s.value) > 2.5) >= 2 then 1 else 0 end
        from scores as s
        group by s.period, s.program_id, s.provider_id
    ) as u
)

select
    {{ kpi_output('KPI-23', 'treated_year', measure='f.measure', provider='f.provider_id', currency='f.currency', denominator='null', value='f.value', mature_days='425', rate='false') }}
from figures as f
