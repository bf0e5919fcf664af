-- Two rows of one word may not hold at one time: a record would be counted twice.
select
    a.entity,
    a.source_status,
    a.era_from,
    b.era_from as other_era_from
from {{ ref('status_map') }} as a
inner join {{ ref('status_map') }} as b
    on b.entity = a.entity
    and {{ capitals('b.source_status') }} = {{ capitals('a.source_status') }}
    and coalesce(b.era_from, timestamp '0001-01-01 00:00:00') > coalesce(a.era_from, timestamp '0001-01-01 00:00:00')
where a.era_to is null
    or a.era_to > b.era_from
union all
select
    entity,
    {{ capitals('source_status') }} as source_status,
    era_from,
    era_from as other_era_from
from {{ ref('status_map') }}
group by entity, {{ capitals('source_status') }}, era_from
having count(*) > 1
