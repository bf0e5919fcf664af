{#-
    The usual cleaning of a source's columns, in the SQL that DuckDB and PostgreSQL share. Lifeline knows these macros in every project;
    `lifeline export dbt` writes this file into the project's macros, and dbt reads it as it stands. A macro of the project of the same
    name stands over the one here.

        select
            o.id,
            {{ clean('o.customer_id', 'key') }},
            {{ clean('o.remark') }},
            {{ clean('o.shipped_at', 'date') }},
            {{ clean_state('o.status') }}
        from {{ source('shop', 'orders') }} as o
        {{ status_map_of('order', 'o.status') }}
-#}

{#- A value without what stands for nothing. Kinds: text (trimmed; blanks, NULL words and a dash are null), code (a text that is a key:
    also 0), key (a number that is a key: 0 is null), number (as it stands), date (years 1900 to 2099; the first of 1900 is a zero).
    seconds and milliseconds (numbers that count since 1970, from 1990 to 2099, as a time in UTC). nothing: further values that stand for
    nothing. -#}
{%- macro clean_value(value, kind='text', nothing=[]) -%}
    {%- if kind == 'text' or kind == 'code' -%}
        {%- set words = ["''", "'NULL'", "'N/A'", "'-'"] -%}
        {%- if kind == 'code' -%}{%- set words = words + ["'0'"] -%}{%- endif -%}
        case when upper(trim({{ value }})) in ({{ words | join(', ') }}
        {%- for one in nothing -%}, upper('{{ one | replace("'", "''") }}'){%- endfor -%}) then null else trim({{ value }}) end
    {%- elif kind == 'key' and nothing | length == 0 -%}
        nullif({{ value }}, 0)
    {%- elif kind == 'key' or (kind == 'number' and nothing | length > 0) -%}
        case when {{ value }} in ({% if kind == 'key' %}0, {% endif %}{{ nothing | join(', ') }}) then null else {{ value }} end
    {%- elif kind == 'number' -%}
        {{ value }}
    {%- elif kind == 'seconds' or kind == 'milliseconds' -%}
        {%- set unit = 1 if kind == 'seconds' else 1000 -%}
        {%- set day = 86400 * unit -%}
        case when {{ value }} >= {{ 631152000 * unit }} and {{ value }} < {{ 4102444800 * unit }}
        {%- for one in nothing %} and {{ value }} <> {{ one }}{%- endfor %} then timestamp '1970-01-01 00:00:00'
            + cast(floor(({{ value }}) / {{ day }}.0) as integer) * interval '1 day'
            + cast(({{ value }}) % {{ day }} as integer) * interval '1 {{ kind | replace('seconds', 'second') }}' end
    {%- elif kind == 'date' -%}
        case when {{ value }} >= '1900-01-02' and {{ value }} < '2100-01-01'
        {%- for one in nothing %} and {{ value }} <> '{{ one }}'{%- endfor %} then {{ value }} end
    {%- else -%}
        {{ exceptions.raise_compiler_error("clean knows text, code, key, number, date, seconds and milliseconds, not " ~ kind) }}
    {%- endif -%}
{%- endmacro -%}

{#- How a cleaned value came about: source (as it stands), repaired (trimmed), missing. -#}
{%- macro clean_basis(value, kind='text', nothing=[]) -%}
    case when {{ clean_value(value, kind, nothing) }} is null then 'missing'
    {%- if kind == 'text' or kind == 'code' %} when {{ clean_value(value, kind, nothing) }} <> {{ value }} then 'repaired'
    {%- endif %} else 'source' end
{%- endmacro -%}

{#- The column's own name: what follows the last dot. -#}
{%- macro clean_name(value) -%}
    {{ (value | string).split('.') | last }}
{%- endmacro -%}

{#- A cleaned column under its name, and its basis beside it: of dates always, of the others with basis=true. -#}
{%- macro clean(value, kind='text', name=none, basis=none, nothing=[]) -%}
    {%- set called = name if name is not none else clean_name(value) -%}
    {{ clean_value(value, kind, nothing) }} as {{ called }}
    {%- if basis or (basis is none and kind == 'date') %},
    {{ clean_basis(value, kind, nothing) }} as {{ called | replace('"', '') }}_basis
    {%- endif -%}
{%- endmacro -%}

{#- A word in the form in which words are compared. -#}
{%- macro clean_word(value) -%}
    lower(trim(cast({{ value }} as varchar)))
{%- endmacro -%}

{#- The canonical state and its basis, by the seed status_map that status_map_of joins. -#}
{%- macro clean_state(value, name='state', map='m') -%}
    coalesce({{ map }}.state, 'unknown') as {{ name }},
    case when {{ map }}.state is null then 'missing' when {{ map }}.source_value = cast({{ value }} as varchar) then 'source'
        else 'repaired' end as {{ name }}_basis
{%- endmacro -%}

{#- The rows of status_map for one kind of record. -#}
{%- macro status_map_of(entity, value, map='m') -%}
    left join {{ ref('status_map') }} as {{ map }}
        on {{ map }}.entity = '{{ entity }}' and {{ clean_word(map ~ '.source_value') }} = {{ clean_word(value) }}
{%- endmacro -%}
