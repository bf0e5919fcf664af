-- How much of what each KPI rests on is true: not imputed, not a proxy, not flagged by a check. Rows that were left out count as not true.
with
inputs as (
    select *
    from (
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_01_approval_rate') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_02_rejection_rate') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_03_denial_rate') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_04_value_approval_ratio') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_05_first_pass_approval') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_06_resubmission_rate') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_07_resubmission_success') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_08_days_treated_to_submitted') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_09_days_submitted_to_claimed') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_10_days_claimed_to_decided') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_11_days_end_to_end') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_12_within_service_level') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_13_backlog_ageing') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_14_clearance') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_15_drafts_never_submitted') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_16_submission_leakage') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_17_billing_variance') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_18_approved_without_invoice') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_19_cost_per_treatment') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_20_cost_per_claim') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_21_invoice_structure') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_22_provider_ranking') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_23_provider_outlier') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_24_item_price_outlier') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_25_program_utilisation') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_26_seasonality') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_27_claims_lag_triangle') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_28_duplicate_suspects') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_29_void_rate') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_30_touches_per_case') }} as k
        union all
        select k.kpi_id, k.n, k.excluded, k.trusted from {{ ref('kpi_31_program_mismatch') }} as k
    ) as u
),

figures as (
    select
        cast(null as date) as period,
        cast(null as bigint) as program_id,
        i.kpi_id,
        sum(i.n + i.excluded) as n,
        sum(i.trusted) as numerator,
        0 as excluded,
        sum(i.trusted) as trusted,
        'true' as basis
    from inputs as i
    group by i.kpi_id
)

select
    {{ kpi_output('KPI-32', 'all', measure="'trust'", part='f.kpi_id', rate='false') }}
from figures as f
