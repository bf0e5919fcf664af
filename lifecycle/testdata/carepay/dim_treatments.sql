-- Treatments as they are now, with what hangs on them.
with
claim_counts as (
    select
        c.treatment_id,
        {{ counters('claims', 'c.date_created') }},
        {{ counters('approved_claims', 'c.date_modified', approved('c')) }},
        {{ counters('rejected_claims', 'c.date_modified', rejected('c')) }}
    from {{ ref('claims') }} as c
    group by c.treatment_id
),

invoice_counts as (
    select
        i.dim_treatment_id as treatment_id,
        {{ counters('invoices', 'i.date_created') }},
        count(*) filter (where i.status = 'resubmitted') as resubmitted_invoices_total,
        {%- for window in ['total', 'last_7_days', 'last_28_days', 'undated'] %}
        cast(sum(i.invoice_items_{{ window }}) as bigint) as invoice_items_{{ window }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('dim_invoices') }} as i
    group by i.dim_treatment_id
)

select
    t.id,
    t.program_id as dim_program_id,
    t.provider_id as dim_provider_id,
    t.status,
    t.status_basis,
    t.date_created,
    t.date_created_basis,
    t.date_modified,
    t.date_submitted,
    t.date_treatment,
    {{ counted('c', 'claims') }},
    {{ counted('c', 'approved_claims') }},
    {{ counted('c', 'rejected_claims') }},
    {{ counted('i', 'invoices') }},
    coalesce(i.resubmitted_invoices_total, 0) as resubmitted_invoices_total,
    {{ counted('i', 'invoice_items') }},
    {{ as_of() }} as as_of
from {{ ref('treatments') }} as t
left join claim_counts as c on c.treatment_id = t.treatment_id
left join invoice_counts as i on i.treatment_id = t.treatment_id
