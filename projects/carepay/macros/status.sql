{#- Whether a row m of status_map holds for a record b: a dated record is judged by its date, an undated one by its upper bound, and
    one without either by the newest era. -#}
{% macro in_era() -%}
    (m.era_from is null or m.era_from <= coalesce(b.date_created, b.date_created_upper, timestamp '9999-12-31 00:00:00'))
    and (m.era_to is null or m.era_to > coalesce(b.date_created, b.date_created_upper, timestamp '9999-12-31 00:00:00'))
{%- endmacro %}

{#- source: spelled as the source spells it; repaired: known once trimmed and in one case; missing: no word, or one that is not known. -#}
{% macro status_basis() -%}
    case
        when m.canonical_state is null or m.canonical_state = 'unknown' then 'missing'
        when b.status_raw = m.source_status then 'source'
        else 'repaired'
    end
{%- endmacro %}
