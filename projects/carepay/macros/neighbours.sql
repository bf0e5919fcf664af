{#- For each undated row of a relation with id and date_created: the dates of the nearest dated ids below and above it. Numbers are
    given in the order of time, so these are bounds. On Citus this one looks at all rows in one place. -#}
{% macro id_neighbours(relation) -%}
    select
        g.id,
        b.date_created as below,
        a.date_created as above
    from (
        select
            n.id,
            n.below_id,
            n.above_id
        from (
            select
                id,
                date_created,
                max(case when date_created is not null then id end)
                    over (order by id rows between unbounded preceding and current row) as below_id,
                min(case when date_created is not null then id end)
                    over (order by id desc rows between unbounded preceding and current row) as above_id
            from {{ relation }}
        ) as n
        where n.date_created is null
    ) as g
    left join {{ relation }} as b on b.id = g.below_id
    left join {{ relation }} as a on a.id = g.above_id
{%- endmacro %}
