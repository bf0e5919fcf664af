{#- What each raw status word of a source table means: each word is cleaned once, not once a row. -#}
{% macro status_words(table) -%}
    select
        w.status as status_raw,
        m.source_status,
        m.canonical_state,
        coalesce(m.era_from, timestamp '0001-01-01 00:00:00') as era_from,
        coalesce(m.era_to, timestamp '9999-12-31 23:59:59') as era_to
    from (
        select distinct status
        from {{ source('carepay', table) }}
    ) as w
    inner join {{ ref('status_map') }} as m
        on m.entity = '{{ table }}'
        and {{ capitals('m.source_status') }} = {{ capitals(clean_text('w.status')) }}
{%- endmacro %}

{#- The meaning m of a record b's word: judged by the first of the given dates that is known, which is its own and, where there is one,
    its upper bound; and by the newest era where none is. -#}
{% macro in_era(dates) -%}
    m.status_raw = b.status_raw
    and m.era_from <= coalesce({{ dates }}, timestamp '9999-12-31 00:00:00')
    and m.era_to > coalesce({{ dates }}, timestamp '9999-12-31 00:00:00')
{%- endmacro %}

{#- source: spelled as the source spells it; repaired: known once trimmed and in one case; missing: no word, or one that is not known. -#}
{% macro status_basis() -%}
    case
        when m.canonical_state is null or m.canonical_state = 'unknown' then 'missing'
        when b.status_raw = m.source_status then 'source'
        else 'repaired'
    end
{%- endmacro %}
