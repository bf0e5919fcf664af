-- A sample's four files, read with care: without the blanks and the case that careless hands have given words.
create temp macro moment(x) as try_cast(x as timestamp);
create temp macro word(x) as upper(trim(x));
create temp macro rows_of(path) as table select * from read_csv(path, header = true, nullstr = 'NULL', all_varchar = true);
create temp table t as
select id::int as id, word(status) as status, moment(date_created) as created, moment(date_modified) as modified,
  moment(date_submitted) as submitted, moment(date_treatment) as treated, program_id::int as program
from rows_of('{dir}/treatments.csv');
create temp table c as
select id::int as id,
  case word(status) when 'RESUBMITTED' then 'ReSubmitted' when 'PARTIALLYREJECTED' then 'PartiallyRejected'
    else upper(trim(status)[1]) || lower(trim(status)[2:]) end as status,
  type as kind, moment(date_created) as created, moment(date_modified) as modified, treatment_id::int as tid, program_id::int as program,
  amount::decimal(19, 4) as amount, word(currency) as currency
from rows_of('{dir}/claims.csv');
create temp table i as
select id::int as id, word(status) as status, moment(date_created) as created, treatment_id::int as tid
from rows_of('{dir}/invoices.csv');
create temp table it as
select id::int as id, word(status) as status, moment(date_created) as created, invoice_id::int as iid, product_id::int as product,
  word(currency) as currency, amount::decimal(19, 4) as amount
from rows_of('{dir}/invoice_items.csv');
