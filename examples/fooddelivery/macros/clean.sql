{#- A text as a person meant it: tabs, line ends, byte order marks and no-break spaces become spaces, the ends are trimmed, and blank or
    the word NULL is nothing. -#}
{% macro clean_text(value) -%}
    nullif(nullif(trim(translate({{ value }}, chr(9) || chr(10) || chr(13) || chr(160) || chr(65279), '     '), ' '), ''), 'NULL')
{%- endmacro %}

{#- A word in the form in which words are compared: capitals, with one sign between its parts. -#}
{% macro word(value) -%}
    translate({{ clean_text(value) }}, 'abcdefghijklmnopqrstuvwxyz- ', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ__')
{%- endmacro %}

{#- What each raw word of a column means: each word is cleaned once, not once a row. -#}
{% macro words(table, column, entity) -%}
    select
        w.raw,
        m.source_word,
        m.word
    from (
        select distinct {{ column }} as raw
        from {{ source('fooddelivery', table) }}
    ) as w
    inner join (
        select
            source_word,
            word,
            row_number() over (partition by {{ word('source_word') }} order by source_word) as n
        from {{ ref('status_map') }}
        where entity = '{{ entity }}'
    ) as m
        on m.n = 1
        and {{ word('m.source_word') }} = {{ word('w.raw') }}
{%- endmacro %}

{#- source: spelled as in status_map; repaired: known once cleaned; missing: no word, or one that is not known. -#}
{% macro word_basis(raw) -%}
    case when w.word is null then 'missing' when {{ raw }} = w.source_word then 'source' else 'repaired' end
{%- endmacro %}

{#- An id as a bigint. A loader without strict mode writes 0 where it had nothing. -#}
{% macro clean_id(value) -%}
    nullif(cast({{ value }} as bigint), 0)
{%- endmacro %}

{#- A date that can be true: not before the business began, not after the data was taken. -#}
{% macro clean_date(value) -%}
    case
        when {{ value }} >= timestamp '{{ var('oldest_date') }}'
            and {{ value }} < timestamp '{{ var('snapshot_at', var('as_of')) }}'
            then {{ value }}
    end
{%- endmacro %}

{#- An amount; nothing is free here, so 0 is a missing one. -#}
{% macro clean_amount(value) -%}
    cast(nullif({{ value }}, 0) as numeric(19, 4))
{%- endmacro %}

{#- How a value came about that is taken as it stands or not at all. -#}
{% macro given_basis(value) -%}
    case when {{ value }} is null then 'missing' else 'source' end
{%- endmacro %}
