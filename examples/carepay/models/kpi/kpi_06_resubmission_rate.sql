-- Of the treatments handed in during a month, how many came back and were handed in again; and of the invoices that are no drafts, how
-- many are marked so now. Without a history of states both are lower bounds.
with
figures as (
    select *
    from (
        select
            u.*,
            'rate' as measure
        from (
            {{ kpi_counts(ref('kpi_cases'), 'c.ever_submitted', 'submitted_month', 'c.resubmitted', "c.sound and c.resubmitted_basis = 'true'", kpi_basis('c.resubmitted_basis')) }}
        ) as u
        union all
        select
            cast(null as date),
            t.program_id,
            count(*),
            count(*) filter (where i.status = 'resubmitted'),
            0,
            0,
            'proxy',
            'rate_of_invoices'
        from {{ ref('invoices') }} as i
        left join {{ ref('treatments') }} as t on t.treatment_id = i.treatment_id
        where i.status not in ('draft', 'void')
        group by t.program_id
    ) as w
)

select
    {{ kpi_output('KPI-06', 'submitted', measure='f.measure', mature_days='90') }}
from figures as f
