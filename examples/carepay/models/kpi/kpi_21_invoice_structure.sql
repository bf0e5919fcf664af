-- How treatments are billed: live items per live invoice, invoices and claims per treatment, and the share of each type of claim.
with
totals as (
    select
        c.treated_month as period,
        c.program_id,
        count(*) filter (where c.treated_month is not null) as treatments,
        count(*) filter (where c.treated_month is null) as undated,
        count(*) filter (where c.treated_month is not null and c.sound) as sound,
        sum(c.live_invoices) as invoices,
        sum(c.live_items) as items,
        sum(c.live_claims) as claims
    from {{ ref('kpi_cases') }} as c
    where c.live
    group by c.treated_month, c.program_id
),

types as (
    select
        c.treated_month as period,
        c.program_id,
        count(*) filter (where c.type = 'Benefit') as benefits,
        count(*) filter (where c.type = 'Voucher') as vouchers,
        count(*) filter (where c.type in ('Benefit', 'Voucher')) as known,
        count(*) as claims,
        count(*) filter (where c.sound and c.type in ('Benefit', 'Voucher')) as sound
    from {{ ref('kpi_claims') }} as c
    where c.live
    group by c.treated_month, c.program_id
),

figures as (
    select *
    from (
        select
            t.period,
            t.program_id,
            m.measure,
            cast(null as varchar(20)) as part,
            case when t.period is null then 0 when m.measure = 'items_per_invoice' then t.invoices else t.treatments end as n,
            case when t.period is null then 0 when m.measure = 'items_per_invoice' then t.items when m.measure = 'invoices_per_treatment' then t.invoices else t.claims end as numerator,
            t.undated as excluded,
            case when t.period is null then 0 when m.measure = 'items_per_invoice' then {{ kpi_part('t.invoices', 't.sound', 't.treatments') }} else t.sound end as trusted,
            'true' as basis
        from totals as t
        cross join (values ('items_per_invoice'), ('invoices_per_treatment'), ('claims_per_treatment')) as m (measure)
        union all
        select
            t.period,
            t.program_id,
            'type_share',
            m.part,
            case when t.period is null then 0 else t.known end,
            case when t.period is null then 0 when m.part = 'Benefit' then t.benefits else t.vouchers end,
            case when t.period is null then t.claims else t.claims - t.known end,
            case when t.period is null then 0 else t.sound end,
            'true'
        from types as t
        cross join (values ('Benefit'), ('Voucher')) as m (part)
    ) as u
)

select
    {{ kpi_output('KPI-21', 'treated', measure='f.measure', part='f.part', mature_days='90', rate="f.measure = 'type_share'") }}
from figures as f
