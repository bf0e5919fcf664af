{#- Whole seconds from one time to another, negative where the second comes first, null where one is missing. -#}
{% macro seconds_between(earlier, later) -%}
    cast(floor(extract(epoch from ({{ later }} - {{ earlier }}))) as bigint)
{%- endmacro %}
