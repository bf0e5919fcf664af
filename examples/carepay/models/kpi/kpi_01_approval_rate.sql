-- Of the claims decided in a month, how many were approved; and, where there were any, how many were approved in part.
with
figures as (
    select *
    from (
        select
            u.*,
            'rate' as measure
        from (
            {{ kpi_counts(
                ref('kpi_claims'), 'c.decided', 'decided_month', 'c.approved', "c.sound and c.decided_basis = 'true'", kpi_basis('c.decided_basis')
            ) }}
        ) as u
        union all
        select
            u.*,
            'partial_rate'
        from (
            {{ kpi_counts(
                ref('kpi_claims'), 'c.decided', 'decided_month', 'c.partly', "c.sound and c.decided_basis = 'true'", kpi_basis('c.decided_basis')
            ) }}
        ) as u
        where u.numerator > 0
    ) as w
)

select
    {{ kpi_output('KPI-01', 'decided', measure='f.measure') }}
from figures as f
