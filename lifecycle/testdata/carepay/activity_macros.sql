{#- The identity of an activity: lifecycle, key, activity, time and occurrence, as text that is the same on every engine. -#}
{% macro activity_id(lifecycle, key, activity, time) -%}
    md5('{{ lifecycle }}|' || cast({{ key }} as varchar) || '|' || {{ activity }} || '|' || cast({{ time }} as varchar) || '|1')
{%- endmacro %}

{#- Whole seconds from one time to another, negative where the second comes first, null where one is missing. -#}
{% macro seconds_between(earlier, later) -%}
    cast(floor(extract(epoch from ({{ later }} - {{ earlier }}))) as bigint)
{%- endmacro %}
