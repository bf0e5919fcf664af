-- What happened on each day, ready to be added up: a row per day, program, provider and currency. Counts of records without an amount
-- stand under no currency; the amounts of two currencies never share a row.
with
events as (
    select *
    from (
        select
            cast({{ kpi_local('c.treated_at', 'c.program_id') }} as date) as day, c.program_id, c.provider_id, cast(null as varchar(10)) as currency,
            'treated' as event, cast(null as numeric(38, 4)) as amount, false as proxy
        from {{ ref('kpi_cases') }} as c
        where c.live and c.treated_at is not null
        union all
        select cast({{ kpi_local('c.created_at', 'c.program_id') }} as date), c.program_id, c.provider_id, null, 'entered', null, false
        from {{ ref('kpi_cases') }} as c
        where c.live and c.created_at is not null
        union all
        select cast({{ kpi_local('c.submitted_at', 'c.program_id') }} as date), c.program_id, c.provider_id, null, 'submitted', null, false
        from {{ ref('kpi_cases') }} as c
        where c.live and c.submitted_at is not null
        union all
        select c.created_day, c.program_id, c.provider_id, c.currency, 'claimed', c.amount, false
        from {{ ref('kpi_claims') }} as c
        where c.live and c.created_day is not null
        union all
        select c.decided_day, c.program_id, c.provider_id, c.currency, case when c.approved then 'approved' when c.rejected then 'rejected' else 'partial' end, c.amount, c.decided_basis = 'proxy'
        from {{ ref('kpi_claims') }} as c
        where c.decided and c.decided_day is not null
    ) as u
)

select
    e.day,
    e.program_id,
    e.provider_id,
    cast(e.currency as varchar(10)) as currency,
    count(*) filter (where e.event = 'treated') as treated,
    count(*) filter (where e.event = 'entered') as entered,
    count(*) filter (where e.event = 'submitted') as submitted,
    count(*) filter (where e.event = 'claimed') as claimed,
    count(*) filter (where e.event in ('approved', 'partial', 'rejected')) as decided,
    count(*) filter (where e.event = 'approved') as approved,
    count(*) filter (where e.event = 'partial') as partly,
    count(*) filter (where e.event = 'rejected') as rejected,
    count(*) filter (where e.proxy) as decided_by_proxy,
    cast(coalesce(sum(case when e.currency is not null and e.event = 'claimed' then e.amount end), 0) as numeric(38, 4)) as claimed_amount,
    cast(coalesce(sum(case when e.currency is not null and e.event in ('approved', 'partial', 'rejected') then e.amount end), 0) as numeric(38, 4)) as decided_amount,
    cast(coalesce(sum(case when e.currency is not null and e.event = 'approved' then e.amount end), 0) as numeric(38, 4)) as approved_amount,
    count(*) filter (where e.event = 'claimed' and (e.amount is null or e.currency is null)) as claimed_without_amount,
    count(*) filter (where e.event in ('approved', 'partial', 'rejected') and (e.amount is null or e.currency is null)) as decided_without_amount,
    count(*) filter (where e.event = 'approved' and (e.amount is null or e.currency is null)) as approved_without_amount,
    {{ as_of() }} as as_of
from events as e
group by e.day, e.program_id, e.provider_id, e.currency
