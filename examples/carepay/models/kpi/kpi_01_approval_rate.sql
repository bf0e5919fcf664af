-- Of the claims decided in a month, how many were approved.
with
figures as (
    {{ kpi_counts(ref('kpi_claims'), 'c.decided', 'decided_month', 'c.approved', "c.sound and c.decided_basis = 'true'", kpi_basis('c.decided_basis')) }}
)

select
    {{ kpi_output('KPI-01', 'decided') }}
from figures as f
