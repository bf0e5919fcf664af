-- CN07 A claim decided before it was made is told. True times only, five minutes are let pass.
select
    dim_claim_id as id,
    date_claim_created,
    date_decided
from {{ ref('dim_claims_lifecycle') }}
where date_claim_created > date_decided + interval '5 minutes'
