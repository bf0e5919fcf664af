-- Live items that cost over three times the median of their product, currency and year. Items without a median to compare with are left
-- out and counted.
with
figures as (
    select
        p.period,
        p.program_id,
        p.currency,
        count(*) filter (where p.comparable) as n,
        count(*) filter (where p.comparable and p.amount > 3 * p.middle) as numerator,
        count(*) filter (where not p.comparable) as excluded,
        count(*) filter (where p.comparable and p.sound) as trusted,
        'true' as basis
    from {{ ref('kpi_prices') }} as p
    group by p.period, p.program_id, p.currency
)

select
    {{ kpi_output('KPI-24', 'treated_year', currency='f.currency', mature_days='425') }}
from figures as f
