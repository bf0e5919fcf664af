{#- For each undated row of a relation with id and date_created: the dates of the nearest dated ids below and above it. Numbers are
    given in the order of time, so these are bounds. Only undated ids and the dated ones beside them are looked at: a dated id and the
    undated ones after it form a group of which it is the first, so counting the dated upwards finds the group of the date below, and
    counting downwards that of the date above. That takes no join. -#}
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
                e.id,
                e.date_created,
                count(e.date_created) over (order by e.id rows between unbounded preceding and current row) as up,
                count(e.date_created) over (order by e.id desc rows between unbounded preceding and current row) as down
            from (
                select
                    id,
                    date_created,
                    lag(date_created) over (order by id) as before,
                    lead(date_created) over (order by id) as after
                from {{ relation }}
            ) as e
            where e.date_created is null
                or e.before is null
                or e.after is null
        ) as g
    ) as n
    where n.date_created is null
{%- endmacro %}
