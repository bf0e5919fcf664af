{#- For each undated row of a relation with id and date_created: the dates of the nearest dated ids below and above it. Numbers are
    given in the order of time, so these are bounds. A dated id and the undated ones after it form a group of which it is the only
    date, counted upwards for the date below and downwards for the date above; that takes no join. -#}
{% macro id_neighbours(relation) -%}
    select
        n.id,
        n.below,
        n.above
    from (
        select
            g.id,
            g.date_created,
            max(g.date_created) over (partition by g.up) as below,
            max(g.date_created) over (partition by g.down) as above
        from (
            select
                id,
                date_created,
                count(date_created) over (order by id rows between unbounded preceding and current row) as up,
                count(date_created) over (order by id desc rows between unbounded preceding and current row) as down
            from {{ relation }}
        ) as g
    ) as n
    where n.date_created is null
{%- endmacro %}
