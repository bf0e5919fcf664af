-- Of the money decided on in a month, how much was approved, by currency. Nobody says how much of a claim approved in part was.
with
figures as (
    select
        c.decided_month as period,
        c.program_id,
        c.currency,
        count(*) filter (where c.decided_month is not null and not c.partly and c.amount is not null and c.currency is not null) as n,
        coalesce(sum(c.amount) filter (where c.decided_month is not null and c.approved and c.currency is not null), 0) as numerator,
        sum(c.amount) filter (where c.decided_month is not null and not c.partly and c.currency is not null) as denominator,
        count(*) filter (where c.decided_month is null or c.partly or c.amount is null or c.currency is null) as excluded,
        count(*) filter (where not c.partly and c.amount is not null and c.currency is not null and c.sound and c.decided_basis = 'true') as trusted,
        {{ kpi_basis('c.decided_basis') }} as basis
    from {{ ref('kpi_claims') }} as c
    where c.decided
    group by c.decided_month, c.program_id, c.currency
)

select
    {{ kpi_output('KPI-04', 'decided', measure="'ratio'", currency='f.currency', denominator='f.denominator', value=kpi_share('f.numerator', 'f.denominator'), rate='false') }}
from figures as f
