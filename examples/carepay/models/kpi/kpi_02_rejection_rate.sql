-- Of the claims decided in a month, how many were rejected.
with
figures as (
    {{ kpi_counts(ref('kpi_claims'), 'c.decided', 'decided_month', 'c.rejected', "c.sound and c.decided_basis = 'true'", kpi_basis('c.decided_basis')) }}
)

select
    {{ kpi_output('KPI-02', 'decided') }}
from figures as f
