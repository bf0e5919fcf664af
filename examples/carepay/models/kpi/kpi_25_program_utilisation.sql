-- What each program was used for by month. There is no table of members, so there is no figure per member. Treatments whose provider is
-- unknown are left out of the figures about providers.
with
cases as (
    select
        c.treated_month as period,
        c.program_id,
        count(*) as treatments,
        count(distinct c.provider_id) as providers,
        count(c.provider_id) as placed,
        sum(c.live_claims) as claims,
        count(*) filter (where c.sound) as sound
    from {{ ref('kpi_cases') }} as c
    where c.live
    group by c.treated_month, c.program_id
),

months as (
    select
        c.*,
        sum(c.treatments) over (partition by c.period) as all_treatments
    from cases as c
),

money as (
    select
        c.treated_month as period,
        c.program_id,
        a.currency,
        sum(a.approved_claims - a.approved_unknown) as n,
        sum(a.approved) as approved,
        sum(a.approved_unknown) as unknown,
        count(*) as treatments,
        count(*) filter (where c.sound) as sound
    from {{ ref('kpi_amounts') }} as a
    inner join {{ ref('kpi_cases') }} as c on c.treatment_id = a.treatment_id
    where c.live
        and a.approved_claims > 0
    group by c.treated_month, c.program_id, a.currency
),

figures as (
    select *
    from (
        select
            c.period,
            c.program_id,
            cast(null as varchar(10)) as currency,
            m.measure,
            case
                when c.period is null then 0
                when m.measure = 'share_of_treatments' then c.all_treatments
                when m.measure = 'treatments_per_provider' then c.providers
                when m.measure = 'providers' then c.placed
                else c.treatments
            end as n,
            case
                when c.period is null then 0
                when m.measure = 'providers' then c.providers
                when m.measure = 'treatments_per_provider' then c.placed
                when m.measure = 'claims' then c.claims
                else c.treatments
            end as numerator,
            case
                when c.period is null then c.treatments
                when m.measure in ('providers', 'treatments_per_provider') then c.treatments - c.placed
                else 0
            end as excluded,
            case
                when c.period is null then 0
                when m.measure = 'share_of_treatments' then {{ kpi_part('c.all_treatments', 'c.sound', 'c.treatments') }}
                when m.measure = 'treatments_per_provider' then {{ kpi_part('c.providers', 'c.sound', 'c.treatments') }}
                when m.measure = 'providers' then {{ kpi_part('c.placed', 'c.sound', 'c.treatments') }}
                else c.sound
            end as trusted,
            case
                when c.period is null then null
                when m.measure = 'treatments' then cast(c.treatments as numeric(38, 6))
                when m.measure = 'providers' then cast(nullif(c.providers, 0) as numeric(38, 6))
                when m.measure = 'claims' then cast(c.claims as numeric(38, 6))
                when m.measure = 'treatments_per_provider' then {{ kpi_share('c.placed', 'c.providers') }}
                else {{ kpi_share('c.treatments', 'c.all_treatments') }}
            end as value
        from months as c
        cross join (values ('treatments'), ('providers'), ('claims'), ('treatments_per_provider'), ('share_of_treatments')) as m (measure)
        union all
        select
            k.period,
            k.program_id,
            k.currency,
            'approved_amount',
            case when k.period is null then 0 else k.n end,
            case when k.period is null or k.currency is null then null else k.approved end,
            case when k.period is null then k.n + k.unknown else k.unknown end,
            case when k.period is null then 0 else {{ kpi_part('k.n', 'k.sound', 'k.treatments') }} end,
            case when k.period is null or k.currency is null then null else cast(k.approved as numeric(38, 6)) end
        from money as k
    ) as u
),

based as (
    select
        u.*,
        'true' as basis
    from figures as u
)

select
    {{ kpi_output('KPI-25', 'treated', measure='f.measure', currency='f.currency', value='f.value', mature_days='90', rate="f.measure = 'share_of_treatments'") }}
from based as f
