{#- For each program the currency of at least 99.9 % of its amounts; a program of several has none. -#}
{% macro only_currencies(relation, condition='true') -%}
    select
        n.program_id,
        n.currency
    from (
        select
            g.program_id,
            g.currency,
            g.n,
            sum(g.n) over (partition by g.program_id) as total
        from (
            select
                program_id,
                currency,
                count(*) as n
            from {{ relation }}
            where program_id is not null
                and currency is not null
                and amount is not null
                and {{ condition }}
            group by program_id, currency
        ) as g
    ) as n
    where n.n * 1000 >= n.total * 999
{%- endmacro %}

{#- How a record b's currency came about; of is the one that its program gave it, null for most. -#}
{% macro currency_basis(of) -%}
    case when {{ of }} is not null then 'imputed' else {{ text_basis('b.currency_raw', 'b.currency') }} end
{%- endmacro %}
