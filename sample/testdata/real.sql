-- The brief's four tables, with TREATMENT's columns put back under their names: its loader declares one more than the data has.
create temp macro moment(x) as try_cast(nullif(x, '0000-00-00 00:00:00') as timestamp);
create temp macro rows_of(path) as table
select * from read_csv(path, delim = '\t', header = false, quote = '', escape = '', nullstr = '\N', all_varchar = true);
create temp table t as
select column0::int as id, column1 as status, moment(column2) as created, moment(column3) as modified, moment(column4) as submitted,
  moment(column5) as treated, column7::int as program
from rows_of('{dir}/TREATMENT.tsv.gz');
create temp table c as
select column0::int as id, column1 as status, column2 as kind, moment(column3) as created, moment(column4) as modified, column5::int as tid,
  column6::int as program, column7::decimal(19, 4) as amount, column8 as currency
from rows_of('{dir}/CLAIM.tsv.gz');
create temp table i as
select column0::int as id, column1 as status, moment(column2) as created, column3::int as tid
from rows_of('{dir}/INVOICE.tsv.gz');
create temp table it as
select column0::int as id, column1 as status, moment(column2) as created, column3::int as iid, column4::int as product, column5 as currency,
  column6::decimal(19, 4) as amount
from rows_of('{dir}/INVOICE_ITEM.tsv.gz');
