-- Every figure of every KPI, one under the other.
{{ config(materialized='view') }}
select *
from (
    select * from {{ ref('kpi_01_approval_rate') }}
    union all
    select * from {{ ref('kpi_02_rejection_rate') }}
    union all
    select * from {{ ref('kpi_03_denial_rate') }}
    union all
    select * from {{ ref('kpi_04_value_approval_ratio') }}
    union all
    select * from {{ ref('kpi_05_first_pass_approval') }}
    union all
    select * from {{ ref('kpi_06_resubmission_rate') }}
    union all
    select * from {{ ref('kpi_07_resubmission_success') }}
    union all
    select * from {{ ref('kpi_08_days_treated_to_submitted') }}
    union all
    select * from {{ ref('kpi_09_days_submitted_to_claimed') }}
    union all
    select * from {{ ref('kpi_10_days_claimed_to_decided') }}
    union all
    select * from {{ ref('kpi_11_days_end_to_end') }}
    union all
    select * from {{ ref('kpi_12_within_service_level') }}
    union all
    select * from {{ ref('kpi_13_backlog_ageing') }}
    union all
    select * from {{ ref('kpi_14_clearance') }}
    union all
    select * from {{ ref('kpi_15_drafts_never_submitted') }}
    union all
    select * from {{ ref('kpi_16_submission_leakage') }}
    union all
    select * from {{ ref('kpi_17_billing_variance') }}
    union all
    select * from {{ ref('kpi_18_approved_without_invoice') }}
    union all
    select * from {{ ref('kpi_19_cost_per_treatment') }}
    union all
    select * from {{ ref('kpi_20_cost_per_claim') }}
    union all
    select * from {{ ref('kpi_21_invoice_structure') }}
    union all
    select * from {{ ref('kpi_22_provider_ranking') }}
    union all
    select * from {{ ref('kpi_23_provider_outlier') }}
    union all
    select * from {{ ref('kpi_24_item_price_outlier') }}
    union all
    select * from {{ ref('kpi_25_program_utilisation') }}
    union all
    select * from {{ ref('kpi_26_seasonality') }}
    union all
    select * from {{ ref('kpi_27_claims_lag_triangle') }}
    union all
    select * from {{ ref('kpi_28_duplicate_suspects') }}
    union all
    select * from {{ ref('kpi_29_void_rate') }}
    union all
    select * from {{ ref('kpi_30_touches_per_case') }}
    union all
    select * from {{ ref('kpi_31_program_mismatch') }}
    union all
    select * from {{ ref('kpi_32_trust_index') }}
) as u
