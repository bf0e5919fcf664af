{#- A time as the clock of the program's country shows it. Neither country moves its clocks. -#}
{% macro kpi_local(time, program) -%}
    {%- set lagos = var('programs_in_lagos', []) -%}
    ({{ time }} + {% if lagos %}case when {{ program }} in ({{ lagos | join(', ') }}) then interval '1 hour' else interval '3 hours' end{% else %}interval '3 hours'{% endif %})
{%- endmacro %}

{#- The month of a time by that clock, as its first day. -#}
{% macro kpi_month(time, program) -%}
    cast(date_trunc('month', {{ kpi_local(time, program) }}) as date)
{%- endmacro %}

{#- A double with six decimals. The nudge is far below them; it lifts a value that lies between two of them, where engines differ. -#}
{% macro kpi_rounded(value) -%}
    cast({{ value }} + 0.0000000001 as numeric(38, 6))
{%- endmacro %}

{#- A share with six decimals, null where there is nothing to divide by. -#}
{% macro kpi_share(part, whole) -%}
    {{ kpi_rounded('cast(' ~ part ~ ' as double precision) / nullif(cast(' ~ whole ~ ' as double precision), 0)') }}
{%- endmacro %}

{#- One end of the 95 % Wilson interval of f.numerator of f.n. -#}
{% macro kpi_wilson(sign) -%}
    cast(0.0000000001 + (
        (cast(f.numerator as double precision) / nullif(f.n, 0)) + 1.920729440648 / nullif(f.n, 0)
        {{ sign }} 1.959964 * sqrt(
            (cast(f.numerator as double precision) / nullif(f.n, 0)) * (1 - cast(f.numerator as double precision) / nullif(f.n, 0)) / nullif(f.n, 0)
            + 0.960364720324 / nullif(cast(f.n as double precision) * f.n, 0)
        )
    ) / (1 + 3.841458881296 / nullif(f.n, 0)) as numeric(38, 6))
{%- endmacro %}

{#- The columns that all KPIs have, from a relation f with period, program_id, n, numerator, excluded, trusted and basis. A share takes
    its value and its bounds from numerator and n; others name their value. A month is mature that many days after its end. -#}
{% macro kpi_output(
    id, cohort, measure="'rate'", part='null', provider='null', currency='null', denominator='f.n', value='', mature_days='0', rate='true', program='f.program_id', mature=''
) -%}
    cast('{{ id }}' as varchar(8)) as kpi_id,
    cast(f.period as date) as period,
    cast('{{ cohort }}' as varchar(20)) as cohort,
    cast({{ program }} as bigint) as program_id,
    cast({{ provider }} as bigint) as provider_id,
    cast({{ currency }} as varchar(10)) as currency,
    cast({{ measure }} as varchar(40)) as measure,
    cast({{ part }} as varchar(400)) as part,
    cast(f.n as bigint) as n,
    cast(f.numerator as numeric(38, 4)) as numerator,
    cast({{ denominator }} as numeric(38, 4)) as denominator,
    {% if value %}cast({{ value }} as numeric(38, 6)){% else %}{{ kpi_share('f.numerator', 'f.n') }}{% endif %} as value,
    cast(f.excluded as bigint) as excluded,
    {{ kpi_share('f.excluded', '(f.n + f.excluded)') }} as excluded_share,
    cast(f.basis as varchar(10)) as basis,
    f.n >= {{ var('kpi_minimum_n', 30) }} as enough,
    {% if mature %}{{ mature }}{% else %}f.period + interval '1 month' + interval '1 day' * {{ mature_days }} <= {{ kpi_local(as_of(), program) }}{% endif %} as mature,
    {% if rate == 'false' %}cast(null as numeric(38, 6)){% elif rate == 'true' %}{{ kpi_wilson('-') }}{% else %}case when {{ rate }} then {{ kpi_wilson('-') }} end{% endif %} as low,
    {% if rate == 'false' %}cast(null as numeric(38, 6)){% elif rate == 'true' %}{{ kpi_wilson('+') }}{% else %}case when {{ rate }} then {{ kpi_wilson('+') }} end{% endif %} as high,
    cast(f.trusted as bigint) as trusted,
    {{ kpi_share('f.trusted', '(f.n + f.excluded)') }} as trust,
    {{ kpi_grade('f.trusted', '(f.n + f.excluded)') }} as trust_grade,
    {{ as_of() }} as as_of
{%- endmacro %}

{#- A to F for the share of the rows that are true: 98, 95, 90, 80 and 50 %. -#}
{% macro kpi_grade(part, whole) -%}
    cast(case
        when {{ whole }} = 0 then null
        when 100 * {{ part }} >= 98 * {{ whole }} then 'A'
        when 100 * {{ part }} >= 95 * {{ whole }} then 'B'
        when 100 * {{ part }} >= 90 * {{ whole }} then 'C'
        when 100 * {{ part }} >= 80 * {{ whole }} then 'D'
        when 100 * {{ part }} >= 50 * {{ whole }} then 'E'
        else 'F'
    end as varchar(1))
{%- endmacro %}

{#- Counts for a share: of the rows of a relation c in scope, by month and program. Rows without that month are left out and counted. -#}
{% macro kpi_counts(relation, scope, period, hit, trusted, basis="'true'") -%}
    select
        c.{{ period }} as period,
        c.program_id,
        count(*) filter (where c.{{ period }} is not null) as n,
        count(*) filter (where c.{{ period }} is not null and {{ hit }}) as numerator,
        count(*) filter (where c.{{ period }} is null) as excluded,
        count(*) filter (where c.{{ period }} is not null and {{ trusted }}) as trusted,
        {{ basis }} as basis
    from {{ relation }} as c
    where {{ scope }}
    group by c.{{ period }}, c.program_id
{%- endmacro %}

{#- Whether a group rests on a proxy. -#}
{% macro kpi_basis(column) -%}
    case when count(*) filter (where {{ column }} = 'proxy') > 0 then 'proxy' else 'true' end
{%- endmacro %}

{#- Count, mean, p50 and p90 of a duration, in days, from a relation d with period, program_id, seconds (null or negative: left out),
    sound and basis. -#}
{% macro kpi_durations(relation) -%}
    select
        g.*,
        m.measure,
        {{ kpi_rounded("case m.measure when 'mean' then g.mean when 'p50' then g.p50 else g.p90 end / 86400") }} as value
    from (
        select
            d.period,
            d.program_id,
            d.basis,
            count(*) filter (where d.seconds >= 0 and d.period is not null) as n,
            sum(d.seconds) filter (where d.seconds >= 0 and d.period is not null) / cast(86400 as double precision) as numerator,
            count(*) filter (where d.seconds is null or d.seconds < 0 or d.period is null) as excluded,
            count(*) filter (where d.seconds >= 0 and d.period is not null and d.sound) as trusted,
            cast(sum(d.seconds) filter (where d.seconds >= 0) as double precision) / nullif(count(*) filter (where d.seconds >= 0), 0) as mean,
            percentile_cont(0.5) within group (order by cast(case when d.seconds >= 0 then d.seconds end as double precision)) as p50,
            percentile_cont(0.9) within group (order by cast(case when d.seconds >= 0 then d.seconds end as double precision)) as p90
        from {{ relation }} as d
        group by d.period, d.program_id, d.basis
    ) as g
    cross join (values ('mean'), ('p50'), ('p90')) as m (measure)
{%- endmacro %}

{#- Whether a way w to a decision is straight: each step once. A claim may be made before the hand-in, as a draft since the care began. -#}
{% macro kpi_straight() -%}
    w.way in (
        'treated > submitted > claimed > approved', 'treated > submitted > claimed > paid',
        'treated > claimed > submitted > approved', 'treated > claimed > submitted > paid'
    )
{%- endmacro %}

{#- So many of a count as are in proportion to another one, rounded down: the rows that can be trusted where only their parents are judged. -#}
{% macro kpi_part(count, part, whole) -%}
    cast(floor(cast({{ count }} as double precision) * {{ part }} / nullif({{ whole }}, 0)) as bigint)
{%- endmacro %}

{#- A number that percentiles are taken of: a double, because that is what every engine interpolates in. -#}
{% macro kpi_real(value) -%}
    cast({{ value }} as double precision)
{%- endmacro %}

{#- Whether a live claim c has what it takes to be compared with others, and whether it resembles one in the way that m.part says. -#}
{% macro kpi_dated() -%}
    c.treated_month is not null and c.created_at is not null and c.amount is not null
{%- endmacro %}
{% macro kpi_comparable() -%}
    {{ kpi_dated() }} and (m.part = 'exact' or c.provider_id is not null)
{%- endmacro %}
{% macro kpi_alike() -%}
    (c.exact_duplicate and m.part <> 'suspect' or c.suspect and m.part <> 'exact')
{%- endmacro %}

{#- How long ago a time was at as_of, in whole days. -#}
{% macro kpi_age(time) -%}
    case
            when {{ time }} is null then 'unknown'
            when {{ time }} > {{ as_of() }} - interval '8 days' then '0-7'
            when {{ time }} > {{ as_of() }} - interval '15 days' then '8-14'
            when {{ time }} > {{ as_of() }} - interval '31 days' then '15-30'
            when {{ time }} > {{ as_of() }} - interval '61 days' then '31-60'
            when {{ time }} > {{ as_of() }} - interval '91 days' then '61-90'
            else '>90'
        end
{%- endmacro %}

{#- How many months after a month a time lies, by the clock of the program's country. -#}
{% macro kpi_months_after(month, time, program) -%}
    cast(
        12 * (extract(year from {{ kpi_local(time, program) }}) - extract(year from {{ month }}))
        + extract(month from {{ kpi_local(time, program) }}) - extract(month from {{ month }}) as integer
    )
{%- endmacro %}
