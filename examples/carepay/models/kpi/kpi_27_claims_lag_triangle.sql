-- How much of a treatment month was claimed by the end of that month and of the six that follow. Months at least six months old give
-- the completion factors; a younger one's claimed treatments are projected by them.
with
claims as (
    select
        c.treated_month as period,
        c.program_id,
        {{ kpi_months_after('c.treated_month', 'c.claimed_at', 'c.program_id') }} as months_late,
        c.sound
    from {{ ref('kpi_cases') }} as c
    where c.live and c.live_claims > 0 and c.treated_month is not null
),

ages as (
    select
        c.period,
        c.program_id,
        cast(
            12 * (extract(year from {{ kpi_local(as_of() ~ " - interval '1 day'", 'c.program_id') }}) - extract(year from c.period))
            + extract(month from {{ kpi_local(as_of() ~ " - interval '1 day'", 'c.program_id') }}) - extract(month from c.period) as integer
        ) as age,
        c.months_late,
        c.sound
    from claims as c
),

triangle as (
    select
        a.period,
        a.program_id,
        a.age,
        k.months,
        count(a.months_late) as n,
        count(*) filter (where a.months_late <= k.months) as numerator,
        count(*) - count(a.months_late) as excluded,
        count(a.months_late) filter (where a.sound) as trusted
    from ages as a
    cross join (values (0), (1), (2), (3), (4), (5), (6)) as k (months)
    where k.months <= a.age
    group by a.period, a.program_id, a.age, k.months
),

shares as (
    select
        t.*,
        {{ kpi_share('t.numerator', 't.n') }} as share,
        t.age >= 6 as finished
    from triangle as t
),

factors as (
    select
        s.program_id,
        s.months,
        count(*) as n,
        sum(s.share) as numerator,
        sum(s.excluded) as excluded,
        sum(case when s.trusted = s.n then 1 else 0 end) as trusted,
        {{ kpi_share('sum(s.share)', 'count(*)') }} as factor
    from shares as s
    where s.finished
        and s.n > 0
    group by s.program_id, s.months
),

figures as (
    select
        u.*,
        'true' as basis
    from (
        select s.period, s.program_id, 'claimed_share' as measure, s.months, s.n, s.numerator, s.excluded, s.trusted, s.share as value, s.finished
        from shares as s
        union all
        select cast(null as date), k.program_id, 'completion_factor', k.months, k.n, k.numerator, 0, k.trusted, k.factor, true
        from factors as k
        union all
        select s.period, s.program_id, 'projected', s.months, s.n, s.numerator, s.excluded, s.trusted, {{ kpi_share('s.numerator', 'k.factor') }}, s.finished
        from shares as s
        left join factors as k on coalesce(k.program_id, 0) = coalesce(s.program_id, 0) and k.months = s.months
        where s.months = case when s.age > 6 then 6 else s.age end
    ) as u
)

select
    {{ kpi_output('KPI-27', 'treated', measure='f.measure', part='f.months', value='f.value', mature='f.finished', rate="f.measure = 'claimed_share'") }}
from figures as f
