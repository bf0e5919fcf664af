-- CN18 A claim that is not void on a treatment that is. What nobody has decided of them goes with the treatment; what was decided stands.
select
    c.id,
    c.status,
    c.treatment_id
from {{ ref('claims') }} as c
inner join {{ ref('treatments') }} as t on t.treatment_id = c.treatment_id
where c.status <> 'void'
    and t.status = 'void'
