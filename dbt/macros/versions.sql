{#- The versions of those rows of a source table that have changed since it was first read: the columns that are named, and _op,
    _valid_from, _valid_to, _basis, _position and _from_basis; what tells of a version's end is null for the present one. -#}
{% macro versions(source_name, table_name) -%}
{%- set staging = builtins.source(source_name, table_name) -%}
{%- set history = api.Relation.create(database=staging.database, schema='history', identifier=staging.identifier) -%}
{%- set positions = api.Relation.create(database=staging.database, schema='ops', identifier='positions') -%}
{%- set key = lifeline_source_keys().get(source_name ~ '.' ~ table_name, []) -%}
(
    select
        {% for column in varargs %}h.{{ adapter.quote(column | lower) }},
        {% endfor -%}
        h._op, h._valid_from, h._valid_to, h._basis, h._position, h._from_basis
    from {{ history }} as h
    union all
    select
        {% for column in varargs %}s.{{ adapter.quote(column | lower) }},
        {% endfor -%}
        cast(null as varchar), p.taken_at, cast(null as timestamp), cast(null as varchar), cast(null as varchar), cast(null as varchar)
    from {{ staging }} as s
    left join (
        select run_id, max(taken_at) as taken_at
        from {{ positions }}
        group by run_id
    ) as p on p.run_id = s._run
    where exists (
        select 1
        from {{ history }} as h
        where {% for column in key -%}
            h.{{ adapter.quote(column | lower) }} = s.{{ adapter.quote(column | lower) }}{% if not loop.last %} and {% endif %}
        {%- endfor %}
    )
)
{%- endmacro %}
