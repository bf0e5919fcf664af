with moments as (
  select 'created ' || era_of(old) as profile, created as moment from cases
  union all
  select 'event', submitted from t
  union all
  select 'event', modified from c
), hours as (
  select profile, hour(moment) as hour, count(*) as n from moments where moment is not null group by all
)
select profile, string_agg(n::text, ' ' order by hour) as hours from hours group by profile order by profile
