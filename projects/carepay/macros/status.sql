{#- Whether a row of status_map holds for a record: a dated record is judged by its date, an undated one by its upper bound, and one
    without either by the newest era. -#}
{% macro in_era(date, upper_bound) -%}
    (m.era_from is null or m.era_from <= coalesce({{ date }}, {{ upper_bound }}, timestamp '9999-12-31 00:00:00'))
    and (m.era_to is null or m.era_to > coalesce({{ date }}, {{ upper_bound }}, timestamp '9999-12-31 00:00:00'))
{%- endmacro %}

{#- source: spelled as the source spells it; repaired: known once trimmed and in one case; missing: no word, or one that is not known. -#}
{% macro status_basis(record, map) -%}
    case
        when {{ map }}.canonical_state is null or {{ map }}.canonical_state = 'unknown' then 'missing'
        when {{ record }}.status_raw = {{ map }}.source_status then 'source'
        else 'repaired'
    end
{%- endmacro %}
