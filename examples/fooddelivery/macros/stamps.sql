{#- The rows of an event table with its text time as `stamp`, a time in UTC, and `stamp_basis`: source where the text names its zone
    (Z, +03:00, +0300), assumed where it names none and UTC is taken, missing where it is no time. Each step works on what the one before
    let through, so that no cast meets a text that it cannot read: the day is counted from the first of its month, and a day that the month
    does not have ends up in the next one. PostgreSQL would fold the steps into one expression that reads the text again at each use;
    offset 0 keeps it from that. -#}
{% macro with_stamp(relation, column) -%}
    select
        z.*,
        {{ clean_date('z.utc') }} as stamp,
        case
            when {{ clean_date('z.utc') }} is null then 'missing'
            when z.zone = '' then 'assumed'
            else 'source'
        end as stamp_basis
    from (
        select
            y.*,
            case
                when extract(month from y.day) = extract(month from y.month) then
                    y.day
                    + cast(substr(y.good, 12, 2) as integer) * interval '1 hour'
                    + cast(substr(y.good, 15, 2) as integer) * interval '1 minute'
                    + cast(substr(y.good, 18, 2) as integer) * interval '1 second'
                    - case when y.zone like '-%' then -1 else 1 end
                    * coalesce(cast(nullif(substr(y.zone, 2, 2), '') as integer) * 60 + cast(nullif(substr(y.zone, 4, 2), '') as integer), 0)
                    * interval '1 minute'
            end as utc
        from (
            select
                x.*,
                cast(substr(x.good, 1, 7) || '-01' as timestamp) as month,
                cast(substr(x.good, 1, 7) || '-01' as timestamp)
                + (cast(substr(x.good, 9, 2) as integer) - 1) * interval '1 day' as day,
                replace(replace(substr(x.good, 20), ' ', ''), ':', '') as zone
            from (
                select
                    r.*,
                    case
                        when {{ clean_text('r.' ~ column) }} ~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z| ?[+-][01][0-9]:?[0-5][0-9])?$'
                            then {{ clean_text('r.' ~ column) }}
                    end as good
                from {{ relation }} as r
                offset 0
            ) as x
            offset 0
        ) as y
        offset 0
    ) as z
{%- endmacro %}
