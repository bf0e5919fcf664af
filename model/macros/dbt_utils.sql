{#- The macros of dbt_utils that projects use most, under dbt_utils__NAME: a project calls dbt_utils.NAME. -#}

{%- macro dbt_utils__generate_surrogate_key(field_list) -%}
    {%- set parts = [] -%}
    {%- for field in field_list -%}
        {%- do parts.append("coalesce(cast(" ~ field ~ " as text), '_dbt_utils_surrogate_key_null_')") -%}
    {%- endfor -%}
    md5(cast({{ parts | join(" || '-' || ") }} as text))
{%- endmacro -%}

{%- macro dbt_utils__group_by(n) -%}
    group by {% for i in range(1, n + 1) %}{{ i }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro -%}

{#- Every part from the start on, before the end. -#}
{%- macro dbt_utils__date_spine(datepart, start_date, end_date) -%}
    {%- set length = '3 month' if datepart == 'quarter' else '1 ' ~ datepart -%}
    select s.date_{{ datepart }}
    from generate_series(
        cast({{ start_date }} as timestamp), cast({{ end_date }} as timestamp), interval '{{ length }}'
    ) as s (date_{{ datepart }})
    where s.date_{{ datepart }} < cast({{ end_date }} as timestamp)
{%- endmacro -%}

{#- 1 to a number. -#}
{%- macro dbt_utils__generate_series(upper_bound) -%}
    select s.generated_number
    from generate_series(1, {{ upper_bound }}) as s (generated_number)
{%- endmacro -%}

{%- macro dbt_utils__deduplicate(relation, partition_by, order_by) -%}
    select distinct on ({{ partition_by }}) *
    from {{ relation }}
    order by {{ partition_by }}, {{ order_by }}
{%- endmacro -%}

{%- macro dbt_utils__safe_divide(numerator, denominator) -%}
    ({{ numerator }}) / nullif(({{ denominator }}), 0)
{%- endmacro -%}

{%- macro dbt_utils__safe_add(field_list) -%}
    {% for field in field_list %}coalesce({{ field }}, 0){{ ' + ' if not loop.last }}{% endfor %}
{%- endmacro -%}

{%- macro dbt_utils__safe_subtract(field_list) -%}
    {% for field in field_list %}coalesce({{ field }}, 0){{ ' - ' if not loop.last }}{% endfor %}
{%- endmacro -%}

{%- macro dbt_utils__pivot(
    column, values, alias=true, agg='sum', cmp='=', prefix='', suffix='', then_value=1, else_value=0, quote_identifiers=true,
    distinct=false
) -%}
    {%- for value in values %}
    {%- set name = prefix ~ value ~ suffix %}
    {{ agg }}(
        {% if distinct %}distinct {% endif -%}
        case when {{ column }} {{ cmp }} '{{ value | string | replace("'", "''") }}' then {{ then_value }} else {{ else_value }} end
    )
    {%- if alias %} as {{ adapter.quote(name) if quote_identifiers else dbt_utils__slugify(name) }}{% endif %}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro -%}

{%- macro dbt_utils__slugify(string) -%}
    {%- set word = string | lower | replace(' ', '_') | replace('-', '_') -%}
    {%- set kept = [] -%}
    {%- for letter in word -%}
        {%- if letter in 'abcdefghijklmnopqrstuvwxyz0123456789_' -%}{%- do kept.append(letter) -%}{%- endif -%}
    {%- endfor -%}
    {%- set slug = kept | join -%}
    {{ '_' ~ slug if slug and slug[0] in '0123456789' else slug }}
{%- endmacro -%}

{#- The columns of a relation, but for some. Before anything is built they are those that the project declares; where it declares none
    they are not known yet, and the select takes them all. -#}
{%- macro dbt_utils__get_filtered_columns_in_relation(from, except=[]) -%}
    {%- set names = [] -%}
    {%- set left_out = except | map('lower') | list -%}
    {%- for column in adapter.get_columns_in_relation(from) -%}
        {%- if column.name | lower not in left_out -%}{%- do names.append(column.name) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro -%}

{%- macro dbt_utils__star(from, relation_alias=false, except=[], prefix='', suffix='', quote_identifiers=true) -%}
    {%- set names = dbt_utils__get_filtered_columns_in_relation(from, except) -%}
    {%- for name in names -%}
        {%- if relation_alias -%}{{ relation_alias }}.{%- endif -%}
        {{ adapter.quote(name) if quote_identifiers else name }}
        {%- set shown = prefix ~ name ~ suffix -%}
        {%- if prefix or suffix %} as {{ adapter.quote(shown) if quote_identifiers else shown }}{% endif -%}
        {{ ',\n    ' if not loop.last }}
    {%- endfor -%}
    {%- if names | length == 0 -%}{% if relation_alias %}{{ relation_alias }}.{% endif %}*{%- endif -%}
{%- endmacro -%}

{%- macro dbt_utils__union_relations(
    relations, column_override={}, include=[], exclude=[], source_column_name='_dbt_source_relation', where=none
) -%}
    {%- set names = [] -%}
    {%- set types = {} -%}
    {%- set held = {} -%}
    {%- set only = include | map('lower') | list -%}
    {%- set left_out = exclude | map('lower') | list -%}
    {%- for relation in relations -%}
        {%- set own = [] -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- if column.name | lower not in left_out and (only | length == 0 or column.name | lower in only) -%}
                {%- do own.append(column.name) -%}
                {%- if column.name not in names -%}
                    {%- do names.append(column.name) -%}
                    {%- do types.update({column.name: column.data_type}) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do held.update({relation | string: own}) -%}
    {%- endfor -%}
    {%- for relation in relations %}
    (
        select
            {% if source_column_name is not none -%}
            cast('{{ relation | string | replace("'", "''") }}' as text) as {{ source_column_name }}{{ ',' if names }}
            {%- endif %}
            {%- for name in names %}
            {%- set own = adapter.quote(name) if name in held[relation | string] else 'null' %}
            cast({{ own }} as {{ column_override.get(name, types[name]) }}) as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
            {%- endfor %}
            {%- if names | length == 0 %}{{ ',' if source_column_name is not none }} *{% endif %}
        from {{ relation }}
        {% if where %}where {{ where }}{% endif %}
    )
    {{ 'union all' if not loop.last }}
    {%- endfor -%}
{%- endmacro -%}

{%- macro dbt_utils__unpivot(
    relation, cast_to='varchar', exclude=[], remove=[], field_name='field_name', value_name='value', quote_identifiers=false
) -%}
    {%- set kept = exclude | map('lower') | list -%}
    {%- set names = dbt_utils__get_filtered_columns_in_relation(relation, exclude + remove) -%}
    {%- for name in names %}
    select
        {% for one in kept %}{{ one }},
        {% endfor -%}
        cast('{{ name }}' as text) as {{ field_name }},
        cast({{ adapter.quote(name) }} as {{ cast_to }}) as {{ value_name }}
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {%- endfor -%}
    {%- if names | length == 0 -%}select * from {{ relation }}{%- endif -%}
{%- endmacro -%}

{#- What ref() and source() give is always a relation here; an ephemeral model is one too, as a common table expression. -#}
{%- macro dbt_utils___is_relation(obj, macro) -%}{%- endmacro -%}

{%- macro dbt_utils___is_ephemeral(obj, macro) -%}{%- endmacro -%}

{#- dbt_date's list of days, for projects that have not installed it. -#}
{%- macro dbt_date__date_spine(datepart, start_date, end_date) -%}
    {{ dbt_utils__date_spine(datepart, start_date, end_date) }}
{%- endmacro -%}

{%- macro dbt_date__get_base_dates(start_date=none, end_date=none, n_dateparts=none, datepart='day') -%}
    {%- if start_date and end_date -%}
        {%- set first = "cast('" ~ start_date ~ "' as timestamp)" -%}
        {%- set last = "cast('" ~ end_date ~ "' as timestamp)" -%}
    {%- else -%}
        {%- set first = "cast(current_date as timestamp) - interval '1 " ~ datepart ~ "' * " ~ n_dateparts -%}
        {%- set last = "cast(current_date as timestamp) + interval '1 day'" -%}
    {%- endif -%}
    select cast(d.date_{{ datepart }} as timestamp) as date_{{ datepart }}
    from ({{ dbt_utils__date_spine(datepart, first, last) }}) as d
{%- endmacro -%}
