{#- The instant that "last 7 days" ends at. -#}
{% macro as_of() -%}
    timestamp '{{ var('as_of') }}'
{%- endmacro %}

{#- Whether a time lies in the last so many days: [as_of - days, as_of). -#}
{% macro in_last(time, days) -%}
    ({{ time }} >= {{ as_of() }} - interval '{{ days }} days' and {{ time }} < {{ as_of() }})
{%- endmacro %}

{#- Four counters of the rows that meet a condition: all, those whose time lies in the last 7 and 28 days, and those without a true
    time, which the windows leave out. -#}
{% macro counters(name, time, condition='') -%}
    {%- set also = condition ~ ' and ' if condition else '' -%}
    count(*){% if condition %} filter (where {{ condition }}){% endif %} as {{ name }}_total,
        count(*) filter (where {{ also }}{{ in_last(time, 7) }}) as {{ name }}_last_7_days,
        count(*) filter (where {{ also }}{{ in_last(time, 28) }}) as {{ name }}_last_28_days,
        count(*) filter (where {{ also }}{{ time }} is null) as {{ name }}_undated
{%- endmacro %}

{#- The same four by the name of an earlier count, 0 where there was nothing to count. -#}
{% macro counted(counts, name) -%}
    coalesce({{ counts }}.{{ name }}_total, 0) as {{ name }}_total,
    coalesce({{ counts }}.{{ name }}_last_7_days, 0) as {{ name }}_last_7_days,
    coalesce({{ counts }}.{{ name }}_last_28_days, 0) as {{ name }}_last_28_days,
    coalesce({{ counts }}.{{ name }}_undated, 0) as {{ name }}_undated
{%- endmacro %}

{#- Whether a claim was decided for, and against. -#}
{% macro approved(claim) -%}
    {{ claim }}.status in ('approved', 'paid')
{%- endmacro %}
{% macro rejected(claim) -%}
    {{ claim }}.status = 'rejected'
{%- endmacro %}

{#- What is counted of claims on a dimension; the time of a decision is the proxy date_modified. Amounts are of one currency or null. -#}
{% macro claim_counters(c) -%}
    {{ counters('claims', c ~ '.date_created') }},
        {{ counters('approved_claims', c ~ '.date_modified', approved(c)) }},
        {{ counters('rejected_claims', c ~ '.date_modified', rejected(c)) }},
        min({{ c }}.currency) filter (where {{ approved(c) }} and {{ c }}.amount is not null) as lowest_currency,
        max({{ c }}.currency) filter (where {{ approved(c) }} and {{ c }}.amount is not null) as highest_currency,
        {%- for window in [0, 7, 28] %}
        sum({{ c }}.amount) filter (
            where {{ approved(c) }} and {{ c }}.currency is not null
            {%- if window %} and {{ in_last(c ~ '.date_modified', window) }}{% endif %}
        ) as approved_amount_{{ window }},
        {%- endfor %}
        count(*) filter (
            where {{ approved(c) }} and ({{ c }}.amount is null or {{ c }}.currency is null)
        ) as approved_claims_without_amount
{%- endmacro %}

{#- The columns that claim_counters fill. -#}
{% macro claim_counted(k) -%}
    {{ counted(k, 'claims') }},
    {{ counted(k, 'approved_claims') }},
    {{ counted(k, 'rejected_claims') }},
    {{ one_currency(k, k ~ '.lowest_currency') }} as approved_amount_currency,
    {{ one_currency(k, 'cast(' ~ k ~ '.approved_amount_0 as numeric(38, 4))') }} as approved_amount_total,
    {{ one_currency(k, 'cast(coalesce(' ~ k ~ '.approved_amount_7, 0) as numeric(38, 4))') }} as approved_amount_last_7_days,
    {{ one_currency(k, 'cast(coalesce(' ~ k ~ '.approved_amount_28, 0) as numeric(38, 4))') }} as approved_amount_last_28_days,
    coalesce({{ k }}.approved_claims_without_amount, 0) as approved_claims_without_amount
{%- endmacro %}

{#- A value where the counted amounts are of one currency; else null, because two currencies are never added. -#}
{% macro one_currency(k, value) -%}
    case when {{ k }}.lowest_currency = {{ k }}.highest_currency then {{ value }} end
{%- endmacro %}
