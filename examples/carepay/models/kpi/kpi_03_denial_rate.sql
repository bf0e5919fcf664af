-- Of the claims handed in during a month, how many were ever rejected. Decisions still come for 90 days.
with
figures as (
    {{ kpi_counts(ref('kpi_claims'), 'c.ever_submitted', 'submitted_month', 'c.ever_rejected', 'c.sound') }}
)

select
    {{ kpi_output('KPI-03', 'submitted', mature_days='90') }}
from figures as f
