{#- The instant that "last 7 days" ends at. -#}
{% macro as_of() -%}
    timestamp '{{ var('as_of') }}'
{%- endmacro %}

{#- Whether a time lies in the last so many days: [as_of - days, as_of). -#}
{% macro in_last(time, days) -%}
    ({{ time }} >= {{ as_of() }} - interval '{{ days }} days' and {{ time }} < {{ as_of() }})
{%- endmacro %}

{#- Four counters by the name of a lifecycle's count, 0 where there was nothing to count. -#}
{% macro counted(counts, name) -%}
    coalesce({{ counts }}.{{ name }}_total, 0) as {{ name }}_total,
    coalesce({{ counts }}.{{ name }}_last_7_days, 0) as {{ name }}_last_7_days,
    coalesce({{ counts }}.{{ name }}_last_28_days, 0) as {{ name }}_last_28_days,
    coalesce({{ counts }}.{{ name }}_undated, 0) as {{ name }}_undated
{%- endmacro %}

{#- What is counted of claims on a dimension. The time of a decision is a proxy; amounts are of one currency or null. -#}
{% macro claim_counted(k) -%}
    {{ counted(k, 'claims') }},
    {{ counted(k, 'approved_claims') }},
    {{ counted(k, 'rejected_claims') }},
    {{ k }}.approved_amount_currency,
    {{ k }}.approved_amount_total,
    {{ k }}.approved_amount_last_7_days,
    {{ k }}.approved_amount_last_28_days,
    coalesce({{ k }}.approved_claims_without_amount, 0) as approved_claims_without_amount
{%- endmacro %}
