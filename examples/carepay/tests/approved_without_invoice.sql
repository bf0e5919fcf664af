-- CN13 A claim that was approved and whose treatment has no invoice that was handed in and lives is told.
select c.id
from {{ ref('claims') }} as c
left join (
    select distinct treatment_id
    from {{ ref('invoices') }}
    where status in ('submitted', 'resubmitted', 'reopened')
) as i on i.treatment_id = c.treatment_id
where c.status in ('approved', 'paid')
    and i.treatment_id is null
