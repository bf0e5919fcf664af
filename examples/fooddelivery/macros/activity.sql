{#- The instant that "last 7 days" ends at. -#}
{% macro as_of() -%}
    timestamp '{{ var('as_of') }}'
{%- endmacro %}

{#- Four counters of one kind of activity: all, those in the last 7 and 28 days, and those without a time, which the windows leave out. -#}
{% macro counters(name, activity) -%}
    count(*) filter (where a.activity_type = '{{ activity }}') as {{ name }}_total,
        {%- for days in [7, 28] %}
        count(*) filter (
            where a.activity_type = '{{ activity }}'
                and a.activity_time >= {{ as_of() }} - interval '{{ days }} days'
                and a.activity_time < {{ as_of() }}
        ) as {{ name }}_last_{{ days }}_days,
        {%- endfor %}
        count(*) filter (where a.activity_type = '{{ activity }}' and a.activity_time is null) as {{ name }}_undated
{%- endmacro %}

{#- The columns that counters fill, 0 where there was nothing to count. -#}
{% macro counted(name) -%}
    coalesce(n.{{ name }}_total, 0) as {{ name }}_total,
    coalesce(n.{{ name }}_last_7_days, 0) as {{ name }}_last_7_days,
    coalesce(n.{{ name }}_last_28_days, 0) as {{ name }}_last_28_days,
    coalesce(n.{{ name }}_undated, 0) as {{ name }}_undated
{%- endmacro %}

{#- A text inside a JSON string: only quotes and backslashes, since core's texts have no control signs. -#}
{% macro json_text(value) -%}
    '"' || replace(replace({{ value }}, '\', '\\'), '"', '\"') || '"'
{%- endmacro %}
