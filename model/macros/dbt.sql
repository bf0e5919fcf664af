{#- The macros that dbt has itself, for DuckDB and PostgreSQL, under dbt__NAME: a project calls dbt.NAME. -#}

{%- macro dbt__date_trunc(datepart, date) -%}
    date_trunc('{{ datepart }}', {{ date }})
{%- endmacro -%}

{%- macro dbt__dateadd(datepart, interval, from_date_or_timestamp) -%}
    ({{ from_date_or_timestamp }} + ((interval '1 {{ datepart }}') * ({{ interval }})))
{%- endmacro -%}

{#- How often the beginning of a part lies between two dates, as dbt counts it. Weeks are DuckDB's own there, and begin on Sunday on
    PostgreSQL. -#}
{%- macro dbt__datediff(first_date, second_date, datepart) -%}
    {%- set a = 'cast(' ~ first_date ~ ' as timestamp)' -%}
    {%- set b = 'cast(' ~ second_date ~ ' as timestamp)' -%}
    {%- set part = datepart | lower -%}
    {%- set lengths = {'hour': 3600, 'minute': 60, 'second': 1} -%}
    {%- if target.type == 'duckdb' -%}
        date_diff('{{ part }}', {{ a }}, {{ b }})
    {%- elif part == 'year' -%}
        cast(extract(year from {{ b }}) - extract(year from {{ a }}) as bigint)
    {%- elif part in ('quarter', 'month') -%}
        cast({{ 4 if part == 'quarter' else 12 }} * (extract(year from {{ b }}) - extract(year from {{ a }}))
            + extract({{ part }} from {{ b }}) - extract({{ part }} from {{ a }}) as bigint)
    {%- elif part == 'day' -%}
        cast(cast({{ b }} as date) - cast({{ a }} as date) as bigint)
    {%- elif part == 'week' -%}
        cast((cast(date_trunc('week', {{ b }} + interval '1 day') as date)
            - cast(date_trunc('week', {{ a }} + interval '1 day') as date)) / 7 as bigint)
    {%- elif part in lengths -%}
        cast(extract(epoch from date_trunc('{{ part }}', {{ b }}) - date_trunc('{{ part }}', {{ a }})) / {{ lengths[part] }} as bigint)
    {%- elif part in ('millisecond', 'microsecond') -%}
        cast(extract(epoch from {{ b }} - {{ a }}) * {{ 1000 if part == 'millisecond' else 1000000 }} as bigint)
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            'dbt.datediff has no part "' ~ datepart ~ '"; it has year, quarter, month, week, day, hour, minute, second and smaller'
        ) }}
    {%- endif -%}
{%- endmacro -%}

{%- macro dbt__last_day(date, datepart) -%}
    {%- set length = '3 month' if datepart == 'quarter' else '1 ' ~ datepart -%}
    cast(date_trunc('{{ datepart }}', {{ date }}) + interval '{{ length }}' - interval '1 day' as date)
{%- endmacro -%}

{%- macro dbt__date(year, month, day) -%}
    cast('{{ '%04d-%02d-%02d' | format(year, month, day) }}' as date)
{%- endmacro -%}

{%- macro dbt__current_timestamp() -%}
    now()
{%- endmacro -%}

{%- macro dbt__safe_cast(field, type) -%}
    {{ 'try_cast' if target.type == 'duckdb' else 'cast' }}({{ field }} as {{ type }})
{%- endmacro -%}

{%- macro dbt__cast(field, type) -%}
    cast({{ field }} as {{ type }})
{%- endmacro -%}

{%- macro dbt__cast_bool_to_text(field) -%}
    cast({{ field }} as varchar)
{%- endmacro -%}

{%- macro dbt__type_string() -%}text{%- endmacro -%}
{%- macro dbt__type_timestamp() -%}timestamp{%- endmacro -%}
{%- macro dbt__type_float() -%}float{%- endmacro -%}
{%- macro dbt__type_numeric() -%}numeric(28, 6){%- endmacro -%}
{%- macro dbt__type_bigint() -%}bigint{%- endmacro -%}
{%- macro dbt__type_int() -%}integer{%- endmacro -%}
{%- macro dbt__type_boolean() -%}boolean{%- endmacro -%}

{%- macro dbt__concat(fields) -%}
    {{ fields | join(' || ') }}
{%- endmacro -%}

{%- macro dbt__hash(field) -%}
    md5(cast({{ field }} as text))
{%- endmacro -%}

{%- macro dbt__length(expression) -%}
    length({{ expression }})
{%- endmacro -%}

{%- macro dbt__position(substring_text, string_text) -%}
    position({{ substring_text }} in {{ string_text }})
{%- endmacro -%}

{%- macro dbt__replace(field, old_chars, new_chars) -%}
    replace({{ field }}, {{ old_chars }}, {{ new_chars }})
{%- endmacro -%}

{%- macro dbt__right(string_text, length_expression) -%}
    right({{ string_text }}, {{ length_expression }})
{%- endmacro -%}

{%- macro dbt__split_part(string_text, delimiter_text, part_number) -%}
    split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro -%}

{%- macro dbt__string_literal(value) -%}
    '{{ value }}'
{%- endmacro -%}

{%- macro dbt__escape_single_quotes(expression) -%}
    {{ expression | replace("'", "''") }}
{%- endmacro -%}

{%- macro dbt__listagg(measure, delimiter_text="','", order_by_clause=none, limit_num=none) -%}
    {%- if limit_num -%}
        {{ exceptions.raise_compiler_error('dbt.listagg has no limit_num here: number the rows first, and aggregate those that count') }}
    {%- endif -%}
    string_agg({{ measure }}, {{ delimiter_text }}{% if order_by_clause %} {{ order_by_clause }}{% endif %})
{%- endmacro -%}

{%- macro dbt__any_value(expression) -%}
    any_value({{ expression }})
{%- endmacro -%}

{%- macro dbt__bool_or(expression) -%}
    bool_or({{ expression }})
{%- endmacro -%}

{%- macro dbt__except() -%}except{%- endmacro -%}
{%- macro dbt__intersect() -%}intersect{%- endmacro -%}
