-- CN15 A step from one state to another that the lifecycle does not have is told; the activity stays. Steps are only known where the
-- source's changes are followed. Nothing leaves paid, void or expired but by resubmitted and reopened, and nothing goes back to draft.
with
steps as (
    select id, from_state, to_state
    from {{ ref('fct_claims_activity') }}
    where from_state <> to_state
    union all
    select id, from_state, to_state
    from {{ ref('fct_treatments_activity') }}
    where from_state <> to_state
    union all
    select id, from_state, to_state
    from {{ ref('fct_invoices_activity') }}
    where from_state <> to_state
)

select
    id,
    from_state,
    to_state
from steps
where to_state = 'draft'
    or (from_state in ('paid', 'void', 'expired') and to_state not in ('resubmitted', 'reopened'))
    or (from_state = 'draft' and to_state not in ('submitted', 'in_review', 'approved', 'rejected', 'closed', 'void', 'expired'))
