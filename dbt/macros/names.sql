{#- Schemas have the project's own names in dbt's own DuckDB file. A PostgreSQL database is shared with Lifeline, which owns those names
    there: dbt's schemas have the target's in front. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%}
        {{ target.schema }}
    {%- elif target.type == 'duckdb' -%}
        {{ custom_schema_name | trim }}
    {%- else -%}
        {{ target.schema }}_{{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}

{#- A model that cleans a source table reads it by key: see lifeline_keyed. -#}
{% macro source(source_name, table_name) -%}
    {%- set own = lifeline_entities().get(model.name) -%}
    {%- if own and own[0] == source_name and own[1] == table_name -%}
        {{ return(ref(own[2])) }}
    {%- endif -%}
    {{ return(builtins.source(source_name, table_name)) }}
{%- endmacro %}
