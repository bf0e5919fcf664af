-- Of the claims decided in a month, how many were approved at the first decision without having been sent back before it.
with
figures as (
    {{ kpi_counts(ref('kpi_claims'), 'c.decided', 'decided_month', "c.first_decision in ('approved', 'paid') and not c.reworked_before", "c.sound and c.decided_basis = 'true'", kpi_basis('c.decided_basis')) }}
)

select
    {{ kpi_output('KPI-05', 'decided') }}
from figures as f
