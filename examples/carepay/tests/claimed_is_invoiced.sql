-- CN11 A treatment of which is claimed what was not invoiced is told: living claims and items may differ by 1.00 or 0.5 %.
with
invoiced as (
    select treatment_id, sum(amount) as amount
    from {{ ref('invoice_items') }}
    where status <> 'void'
    group by treatment_id
),

claimed as (
    select treatment_id, sum(amount) as amount
    from {{ ref('claims') }}
    where status <> 'void'
    group by treatment_id
)

select
    c.treatment_id as id,
    c.amount as claimed,
    i.amount as invoiced
from claimed as c
inner join invoiced as i on i.treatment_id = c.treatment_id
where abs(c.amount - i.amount) > greatest(1, i.amount * 0.005)
