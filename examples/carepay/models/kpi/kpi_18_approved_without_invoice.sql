-- Of the money approved in a month, how much is for treatments without a live invoice item, by currency.
with
figures as (
    select
        c.decided_month as period,
        c.program_id,
        c.currency,
        m.measure,
        count(*) filter (where c.decided_month is not null and c.amount is not null and c.currency is not null) as n,
        coalesce(sum(c.amount) filter (where c.decided_month is not null and c.currency is not null and coalesce(k.live_items, 0) = 0), 0) as numerator,
        sum(c.amount) filter (where c.decided_month is not null and c.currency is not null) as denominator,
        count(*) filter (where c.decided_month is null or c.amount is null or c.currency is null) as excluded,
        count(*) filter (where c.amount is not null and c.currency is not null and c.sound and c.decided_basis = 'true') as trusted,
        {{ kpi_basis('c.decided_basis') }} as basis
    from {{ ref('kpi_claims') }} as c
    left join {{ ref('kpi_cases') }} as k on k.treatment_id = c.treatment_id
    cross join (values ('amount'), ('share')) as m (measure)
    where c.approved
    group by c.decided_month, c.program_id, c.currency, m.measure
)

select
    {{ kpi_output('KPI-18', 'decided', measure='f.measure', currency='f.currency', denominator='f.denominator', value="case when f.n = 0 then null when f.measure = 'amount' then cast(f.numerator as numeric(38, 6)) else " ~ kpi_share('f.numerator', 'f.denominator') ~ ' end', rate='false') }}
from figures as f
