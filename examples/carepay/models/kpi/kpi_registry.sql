-- What each KPI is, in words: the contract of its model. A change of meaning raises the version.
select
    cast(k.kpi_id as varchar(8)) as kpi_id,
    cast(k.name as varchar(40)) as name,
    cast(k.model as varchar(60)) as model,
    cast(k.definition as varchar(400)) as definition,
    cast(k.grain as varchar(80)) as grain,
    cast(k.cohort as varchar(20)) as cohort,
    cast(k.numerator as varchar(120)) as numerator,
    cast(k.denominator as varchar(120)) as denominator,
    cast(k.exclusions as varchar(200)) as exclusions,
    cast({{ var('kpi_minimum_n', 30) }} as integer) as minimum_n,
    cast(k.version as integer) as version
from (values
    (
        'KPI-01', 'Approval rate', 'kpi_01_approval_rate',
        'Of the claims that were decided, the share that was approved; partial_rate, where there are any: the share that was approved in part.',
        'month and program', 'decided',
        'claims in state approved or paid; in state partial', 'claims in state approved, partial, rejected or paid', 'decided claims without the time of a decision', 2
    ),
    (
        'KPI-02', 'Rejection rate', 'kpi_02_rejection_rate',
        'Of the claims that were decided, in part too, the share that was rejected.',
        'month and program', 'decided',
        'claims in state rejected', 'claims in state approved, partial, rejected or paid', 'decided claims without the time of a decision', 2
    ),
    (
        'KPI-03', 'Denial rate', 'kpi_03_denial_rate',
        'Of the claims that were handed in, the share that was ever rejected. Grows for 90 days.',
        'month and program', 'submitted',
        'claims ever rejected', 'claims ever handed in', 'claims whose treatment has no time of being handed in', 2
    ),
    (
        'KPI-04', 'Value approval ratio', 'kpi_04_value_approval_ratio',
        'Of the money decided on, the part that was approved; without claims approved in part, of which nobody says how much was.',
        'month and program and currency', 'decided',
        'amounts of approved claims', 'amounts of decided claims', 'decided claims without amount, currency or time of a decision; those approved in part', 2
    ),
    (
        'KPI-05', 'First-pass approval', 'kpi_05_first_pass_approval',
        'Decided claims whose first decision is approval and that were not sent back before it. A return without a time counts as before.',
        'month and program', 'decided',
        'claims approved first and never sent back before', 'decided claims', 'decided claims without the time of a decision', 2
    ),
    (
        'KPI-06', 'Resubmission rate', 'kpi_06_resubmission_rate',
        'Treatments that came back, of those handed in; rate_of_invoices: invoices marked so now, of those neither draft nor void. Lower bounds without a history.',
        'month and program', 'submitted',
        'treatments sent back or handed in again', 'treatments ever handed in', 'treatments without a time of being handed in', 1
    ),
    (
        'KPI-07', 'Resubmission success', 'kpi_07_resubmission_success',
        'Of the treatments that came back and have a decision other than in part, the share with an approved claim.',
        'month and program', 'submitted',
        'those with an approved claim', 'treatments that came back and have a decided claim', 'treatments without a time of being handed in', 2
    ),
    (
        'KPI-08', 'Days from care to hand-in', 'kpi_08_days_treated_to_submitted',
        'Mean, p50 and p90 of the days from the care to the treatment being handed in.',
        'month and program and measure', 'treated',
        'sum of days', 'treatments with both times in order', 'treatments with a time missing or in the wrong order', 1
    ),
    (
        'KPI-09', 'Days from hand-in to claim', 'kpi_09_days_submitted_to_claimed',
        'Mean, p50 and p90 of the days from the hand-in to the first live claim; claimed_first: the share whose claim was there before, so that it has no such days.',
        'month and program and measure', 'submitted',
        'sum of days; treatments claimed before', 'treatments with both times in order; with both times', 'treatments with a time missing or in the wrong order', 2
    ),
    (
        'KPI-10', 'Days from claim to decision', 'kpi_10_days_claimed_to_decided',
        'Mean, p50 and p90 of the days from a claim to its first decision; once on true times, once with proxies.',
        'month and program, measure and basis', 'created',
        'sum of days', 'decided claims with both times in order', 'claims with a time missing or in the wrong order; for basis true also proxies', 2
    ),
    (
        'KPI-11', 'Days end to end', 'kpi_11_days_end_to_end',
        'Mean, p50 and p90 of the days from the care to the first decision; legs_agree: the share whose three legs add up to it within 2 seconds.',
        'month and program, measure and basis', 'treated',
        'sum of days', 'decided treatments with both times in order', 'treatments with a time missing or in the wrong order; for basis true also proxies', 2
    ),
    (
        'KPI-12', 'Within service level', 'kpi_12_within_service_level',
        'Of the treatments handed in at least 14, 30 or 90 days ago, the share decided within that time. Those that wait have failed.',
        'month and program, days and basis', 'submitted',
        'treatments decided within the days', 'treatments handed in that long ago', 'treatments without a time of hand-in or decision, or decided before; for basis true also proxies', 2
    ),
    (
        'KPI-13', 'Backlog and its age', 'kpi_13_backlog_ageing',
        'Live claims handed in and not decided, and their amounts, by whole days since the hand-in. A claim of a deleted treatment waits for nobody.',
        'program, currency and age', 'as_of',
        'claims or amounts', 'claims waiting', 'for amounts: claims without amount or currency; those without a hand-in stand under unknown', 2
    ),
    (
        'KPI-14', 'Clearance and days on hand', 'kpi_14_clearance',
        'Claims decided in a month for each one handed in; days_on_hand: open claims for each one decided a day in the last 28 days.',
        'month and program and measure', 'event',
        'claims decided; open claims times 28', 'claims handed in; claims decided in 28 days', 'claims without the time of the event', 2
    ),
    (
        'KPI-15', 'Drafts never handed in', 'kpi_15_drafts_never_submitted',
        'Of the treatments, invoices and claims made, the share that still is a draft (treatments: was never handed in) and older than 30 days; none of planned care or deleted treatments.',
        'month and program and kind', 'created',
        'old drafts, but for planned care and what goes with a deleted treatment', 'records made', 'records without a date of making', 2
    ),
    (
        'KPI-16', 'Submission leakage', 'kpi_16_submission_leakage',
        'Treatments with live items and no live claim 30 days after the care, and the worth of those items where all are known.',
        'month and program, measure and currency', 'treated',
        'treatments without a live claim; their items', 'treatments with live items, 30 days old', 'treatments without a date of care; for the worth those with an item without amount or currency', 2
    ),
    (
        'KPI-17', 'Billing variance', 'kpi_17_billing_variance',
        'Per treatment and currency, live claims less live items of live invoices: over_claimed, under_claimed, and over_rate of what was invoiced. A proxy of leakage.',
        'month and program, measure and currency', 'treated',
        'positive (or negative) differences', 'amounts invoiced', 'treatments with an amount or a currency missing', 1
    ),
    (
        'KPI-18', 'Approved without invoice', 'kpi_18_approved_without_invoice',
        'Money approved for treatments without a live invoice item, and its share of all that was approved.',
        'month and program, measure and currency', 'decided',
        'amounts without an item', 'amounts approved', 'approved claims without amount, currency or time of a decision', 1
    ),
    (
        'KPI-19', 'Cost per treatment', 'kpi_19_cost_per_treatment',
        'Mean, p50 and p90 of what was approved for a treatment with an approved claim.',
        'month and program, measure and currency', 'treated',
        'amounts approved', 'treatments with an approved claim', 'treatments with an approved amount or currency missing', 1
    ),
    (
        'KPI-20', 'Cost per claim', 'kpi_20_cost_per_claim',
        'Mean amount of an approved claim (mean_approved) and of any live claim (mean_live).',
        'month and program, measure and currency', 'treated',
        'amounts', 'claims', 'claims without amount, currency or date of care', 2
    ),
    (
        'KPI-21', 'Invoice structure', 'kpi_21_invoice_structure',
        'Live items per live invoice, live invoices and claims per live treatment, and the share of claims of each type.',
        'month and program and measure', 'treated',
        'items, invoices, claims', 'invoices, treatments, claims of a known type', 'records without a date of care; claims of another type', 2
    ),
    (
        'KPI-22', 'Provider ranking', 'kpi_22_provider_ranking',
        'Treatments, approved amount, approval rate and its rank by Wilson lower bound, median days end to end, share never handed in, and resubmission rate.',
        'provider, program, measure and currency', 'all',
        'as the measure says', 'as the measure says', 'records without a provider; for days those not timed', 2
    ),
    (
        'KPI-23', 'Provider outlier', 'kpi_23_provider_outlier',
        'Robust z (0.6745 of the distance to the median, over the median absolute deviation) of six features among providers of a program and year; flag 1 where one is over 3.5 or two are over 2.5.',
        'provider, program, year, measure and currency', 'treated_year',
        'the feature; for the flag the number of z over 2.5', 'none', 'treatments without provider or date; no z where the deviation is 0', 2
    ),
    (
        'KPI-24', 'Item price outlier', 'kpi_24_item_price_outlier',
        'Live items over three times the median amount of their product, currency and year.',
        'year, program and currency', 'treated_year',
        'items over three times the median', 'items of products with 30 items in the year', 'items of rarer products; items without product, amount, currency or date', 1
    ),
    (
        'KPI-25', 'Program utilisation', 'kpi_25_program_utilisation',
        'Treatments, providers, claims, approved amount, treatments per provider and share of all treatments.',
        'month and program, measure and currency', 'treated',
        'as the measure says', 'as the measure says', 'treatments without a date of care; for figures about providers those without one; for amounts approved claims without', 2
    ),
    (
        'KPI-26', 'Seasonality', 'kpi_26_seasonality',
        'Treatments of a month over the mean of the twelve months around it, and of a weekday over a usual day. Provisional (not mature) under 24 months.',
        'month and program; program and weekday', 'treated',
        'treatments', 'mean of the twelve months; a seventh of all', 'days with over ten times the median of days', 1
    ),
    (
        'KPI-27', 'Claims lag triangle', 'kpi_27_claims_lag_triangle',
        'Of a month''s treatments with a claim, the share claimed by the end of that month and of each of six more; the mean by months; what younger months come to by it.',
        'month and program and months later', 'treated',
        'treatments claimed by then', 'treatments of the month with a claim', 'treatments whose claims have no date', 1
    ),
    (
        'KPI-28', 'Duplicate suspects', 'kpi_28_duplicate_suspects',
        'Live claims like another one: exact on the same treatment within a day, suspect on another treatment of that provider and day (not known without a provider); and what they ask for.',
        'month and program, kind and currency', 'treated',
        'claims like another', 'live claims that can be compared', 'claims without amount, date of making or date of care; for suspect and either those without a provider', 2
    ),
    (
        'KPI-29', 'Void rate', 'kpi_29_void_rate',
        'Of all claims made, the share that was taken back, by itself or, undecided, with its treatment.',
        'program and provider', 'all',
        'claims that are not live', 'claims', 'none', 2
    ),
    (
        'KPI-30', 'Touches per case', 'kpi_30_touches_per_case',
        'Steps of a treatment up to its first decision, the share on the straight way (treated, submitted and claimed in either order, approved or paid), and the ten commonest ways.',
        'month and program and measure; way', 'treated',
        'steps; treatments', 'treatments with a decision', 'treatments without the time of a decision or a date of care; for the straight share also without the date of a claim', 2
    ),
    (
        'KPI-31', 'Program mismatch', 'kpi_31_program_mismatch',
        'Live claims whose program is not their treatment''s, and what they ask for.',
        'month and program, measure and currency', 'treated',
        'claims with another program', 'live claims with both programs', 'claims or treatments without a program', 2
    ),
    (
        'KPI-32', 'Trust index', 'kpi_32_trust_index',
        'Of all rows that a KPI rests on or left out, the share that is true: not imputed, not a proxy, not flagged.',
        'KPI', 'all',
        'true rows', 'rows used or left out', 'none', 1
    )
) as k (kpi_id, name, model, definition, grain, cohort, numerator, denominator, exclusions, version)
