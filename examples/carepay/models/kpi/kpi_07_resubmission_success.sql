-- Of the treatments that came back and have a decision, how many have an approved claim. A decision in part is what sends one back.
with
figures as (
    {{ kpi_counts(ref('kpi_cases'), 'c.resubmitted and c.settled_claims > 0', 'submitted_month', 'c.approved_claims > 0', "c.sound and c.resubmitted_basis = 'true'", kpi_basis('c.resubmitted_basis')) }}
)

select
    {{ kpi_output('KPI-07', 'submitted', mature_days='90') }}
from figures as f
