-- Live claims whose program is not their treatment's, and what they ask for, by currency. The claim counts for its own program.
with
figures as (
    select *
    from (
        select
            c.treated_month as period,
            c.program_id,
            cast(null as varchar(10)) as currency,
            'rate' as measure,
            count(*) filter (where c.treated_month is not null and c.mismatch is not null) as n,
            count(*) filter (where c.treated_month is not null and c.mismatch) as numerator,
            count(*) filter (where c.treated_month is null or c.mismatch is null) as excluded,
            count(*) filter (where c.treated_month is not null and c.mismatch is not null and c.sound) as trusted,
            {{ kpi_share('count(*) filter (where c.treated_month is not null and c.mismatch)', 'count(*) filter (where c.treated_month is not null and c.mismatch is not null)') }} as value,
            'true' as basis
        from {{ ref('kpi_claims') }} as c
        where c.live
        group by c.treated_month, c.program_id
        union all
        select
            c.treated_month,
            c.program_id,
            c.currency,
            'amount',
            count(*) filter (where c.treated_month is not null and c.mismatch is not null and c.amount is not null and c.currency is not null),
            coalesce(sum(c.amount) filter (where c.treated_month is not null and c.mismatch and c.currency is not null), 0),
            count(*) filter (where c.treated_month is null or c.mismatch is null or c.amount is null or c.currency is null),
            count(*) filter (where c.treated_month is not null and c.sound and c.amount is not null and c.currency is not null),
            case when count(*) filter (where c.treated_month is not null and c.mismatch is not null and c.amount is not null and c.currency is not null) > 0 then
                cast(coalesce(sum(c.amount) filter (where c.treated_month is not null and c.mismatch and c.currency is not null), 0) as numeric(38, 6))
            end,
            'true'
        from {{ ref('kpi_claims') }} as c
        where c.live
        group by c.treated_month, c.program_id, c.currency
    ) as u
)

select
    {{ kpi_output('KPI-31', 'treated', measure='f.measure', currency='f.currency', value='f.value', mature_days='90', rate="f.measure = 'rate'") }}
from figures as f
