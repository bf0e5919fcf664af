-- Live claims that were handed in and wait for a decision at as_of: how many and how much, by whole days since then.
with
waiting as (
    select
        c.program_id,
        c.currency,
        c.amount,
        c.sound,
        {{ kpi_age('c.submitted_at') }} as bucket
    from {{ ref('kpi_claims') }} as c
    where c.waiting
),

figures as (
    select *
    from (
        select
            cast(null as date) as period,
            w.program_id,
            cast(null as varchar(10)) as currency,
            'claims' as measure,
            w.bucket,
            count(*) as n,
            count(*) as numerator,
            0 as excluded,
            count(*) filter (where w.sound and w.bucket <> 'unknown') as trusted,
            cast(count(*) as numeric(38, 6)) as value,
            'true' as basis
        from waiting as w
        group by w.program_id, w.bucket
        union all
        select
            null,
            w.program_id,
            w.currency,
            'amount',
            w.bucket,
            count(*) filter (where w.amount is not null and w.currency is not null),
            sum(w.amount) filter (where w.currency is not null),
            count(*) filter (where w.amount is null or w.currency is null),
            count(*) filter (where w.amount is not null and w.currency is not null and w.sound and w.bucket <> 'unknown'),
            cast(sum(w.amount) filter (where w.currency is not null) as numeric(38, 6)),
            'true'
        from waiting as w
        group by w.program_id, w.currency, w.bucket
    ) as u
)

select
    {{ kpi_output('KPI-13', 'as_of', measure='f.measure', part='f.bucket', currency='f.currency', value='f.value', rate='false') }}
from figures as f
