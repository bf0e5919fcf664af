{#- For each undated row of a relation with id and date_created: the earliest date of any higher id. A number is given when its record is
    made or, for those that were migrated, later; so what came with a higher number bounds it from above. Nothing bounds it from below:
    migrated records have numbers among those of later ones. -#}
{% macro later_dates(relation) -%}
    select
        n.id,
        n.above
    from (
        select
            id,
            date_created,
            min(date_created) over (order by id desc rows between unbounded preceding and current row) as above
        from {{ relation }}
    ) as n
    where n.date_created is null
{%- endmacro %}
