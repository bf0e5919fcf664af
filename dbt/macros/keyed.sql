{#- The rows of a landed table that have a key of their own. Rows that say the same are one row, the one that landed first; rows of one
    key that say different things are none, because nothing says which is right; a row without a key is none. -#}
{% macro lifeline_keyed(relation, key) -%}
{%- set quoted = [] -%}
{%- for column in key -%}{%- do quoted.append(adapter.quote(column | lower)) -%}{%- endfor -%}
with repeated as (
    select
        {% for column in quoted %}r.{{ column }},
        {% endfor -%}
        count(distinct {{ lifeline_content('r') }}) as contents
    from {{ relation }} as r
    where {% for column in quoted %}r.{{ column }} is not null{% if not loop.last %} and {% endif %}{% endfor %}
    group by {% for column in quoted %}r.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
    having count(*) > 1
),

once as (
    select distinct on ({% for column in quoted %}s.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}) s.*
    from {{ relation }} as s
    inner join repeated as r on {% for column in quoted %}r.{{ column }} = s.{{ column }}{% if not loop.last %} and {% endif %}{% endfor %}
    where r.contents = 1
    order by {% for column in quoted %}s.{{ column }}, {% endfor %}s._run
)

select s.*
from {{ relation }} as s
where {% for column in quoted %}s.{{ column }} is not null{% if not loop.last %} and {% endif %}{% endfor %}
    and not exists (
        select 1
        from repeated as r
        where {% for column in quoted %}r.{{ column }} = s.{{ column }}{% if not loop.last %} and {% endif %}{% endfor %}
    )
union all
select o.*
from once as o
{%- endmacro %}

{#- What a landed row says, as one text, without the number of the run that brought it. -#}
{% macro lifeline_content(row) -%}
    {{ return(adapter.dispatch('lifeline_content')(row)) }}
{%- endmacro %}

{% macro default__lifeline_content(row) -%}
    cast(to_jsonb({{ row }}) - '_run' as text)
{%- endmacro %}

{% macro duckdb__lifeline_content(row) -%}
    cast(json_merge_patch(to_json({{ row }}), '{"_run": null}') as varchar)
{%- endmacro %}
