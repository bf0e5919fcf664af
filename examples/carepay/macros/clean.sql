{#- A text as a person meant it: carriage returns, line feeds, tabs, byte order marks and no-break spaces become spaces, the ends
    are trimmed, and blank or the word NULL is nothing. -#}
{% macro clean_text(value) -%}
    nullif(nullif(trim(translate({{ value }}, chr(9) || chr(10) || chr(13) || chr(160) || chr(65279), '     '), ' '), ''), 'NULL')
{%- endmacro %}

{#- A text in capitals. Only the letters a to z change: what upper() does to others differs between engines. -#}
{% macro capitals(value) -%}
    translate({{ value }}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
{%- endmacro %}

{#- A currency's code. The usual ones are let through as they are, because cleaning millions of equal words takes time. -#}
{% macro clean_currency(value) -%}
    case
        when {{ value }} in ('{{ var('currencies') | join("', '") }}') then {{ value }}
        else {{ capitals(clean_text(value)) }}
    end
{%- endmacro %}

{#- An id as a bigint. The source's loader writes 0 where it had nothing. -#}
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

{#- How a value came about that is taken as it stands or not at all. -#}
{% macro given_basis(value) -%}
    case when {{ value }} is null then 'missing' else 'source' end
{%- endmacro %}

{#- How a text came about that may have been put right: the raw text and the clean one. -#}
{% macro text_basis(raw, clean) -%}
    case when {{ clean }} is null then 'missing' when {{ clean }} = {{ raw }} then 'source' else 'repaired' end
{%- endmacro %}
