package discover

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"lifeline/change"
)

// Project says how the written project is called and where it finds its source and warehouse.
type Project struct {
	Name      string
	Source    string // Of lifeline.yml's source.dsn, without a secret.
	Warehouse string // Of warehouse.dsn.
	Mask      bool   // Mask what is personal; else the masks stand as comments.
	Version   string // Of the program, for init.md.
}

// Files writes a project that says what is believed, by paths inside its folder.
func (p *Proposal) Files(o Project) map[string]string {
	w := newPlan(p, o.Name)
	files := map[string]string{
		"lifeline.yml":                    w.config(o),
		"dbt_project.yml":                 w.dbtProject(),
		"packages.yml":                    "packages:\n  - package: dbt-labs/dbt_utils\n    version: [\">=1.1.0\", \"<2.0.0\"]\n",
		"macros/generate_schema_name.sql": schemaMacro,
		"models/sources.yml":              w.sources(),
		"models/core/core.yml":            w.coreSchema(),
		"dashboards/model.yml":            w.dashboardModel(),
		"dashboards/overview.yml":         w.overview(),
		"init.md":                         w.notes(o),
	}
	w.allCore(files)
	for _, pr := range w.records {
		files["lifecycles/"+pr.r.Name+".yml"] = w.lifecycle(pr)
		files["dashboards/"+pr.r.Name+"_flow.yml"] = w.recordPage(pr)
		if pr.steps != "" {
			files["models/core/"+pr.steps+".sql"] = w.stepsModel(pr)
		}
	}
	if w.hasStates() {
		files["seeds/status_map.csv"] = w.statusMap()
		files["seeds/seeds.yml"] = seedSchema
	}
	return files
}

// allCore adds the core models to files.
func (w *plan) allCore(files map[string]string) {
	for _, t := range w.tables {
		if t.model != "" {
			files["models/core/"+t.model+".sql"] = w.coreModel(t)
		}
	}
}

func (w *plan) hasStates() bool {
	for _, pr := range w.records {
		if pr.r.State != "" {
			return true
		}
	}
	return false
}

const schemaMacro = `{#- A custom schema is used as it is, so that dbt builds core.orders and not <target>_core.orders. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%}
        {{ target.schema }}
    {%- else -%}
        {{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
`

const seedSchema = `version: 2

seeds:
  - name: status_map
    description: >
      What the source's states are called and what they mean. Grain: one row per record type
          and source value. Values are compared in small letters, trimmed.
    config:
      column_types: {entity: varchar(60), source_value: varchar(255), state: varchar(60), outcome: varchar(10), label: varchar(255)}
    columns:
      - name: entity
        description: The lifecycle.
        data_tests: [not_null]
      - name: source_value
        description: The value in the source's own spelling.
        data_tests: [not_null]
      - name: state
        description: The state in ours.
        data_tests: [not_null]
      - name: outcome
        description: open, decided, void, or unknown where nobody has said it.
      - name: label
        description: What people call it.
`

func (w *plan) config(o Project) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by lifeline init; init.md says why. Secrets stand in the environment or in files beside this one, never "+
		"here.\nname: %s\n\nsource:\n  dsn: %s\n", yamlText(o.Name), o.Source)
	zone := w.TimeZone
	if zone == "" {
		b.WriteString("  # Nothing in a database says which zone its DATETIME columns are in. Change it before the first run if it is not UTC.\n")
		zone = "UTC"
	}
	fmt.Fprintf(&b, "  time_zone: %s\n\nwarehouse:\n  dsn: %s\n  keep_versions: 2\n\n# In which a business day begins and "+
		"ends.\nbusiness_time_zone: %s\n\n", zone, o.Warehouse, zone)
	b.WriteString("# \"Last 7 days\" ends with the business day of the newest valid time in these columns.\nas_of:\n  rule: latest\n")
	if columns := w.asOfColumns(); len(columns) > 0 {
		b.WriteString("  columns:\n")
		for _, c := range columns {
			fmt.Fprintf(&b, "    - %s\n", c)
		}
	}
	w.maskingConfig(&b, o)
	return b.String()
}

// asOfColumns are the dates that say how new the data is: of the records, else of what happens.
func (w *plan) asOfColumns() []string {
	var out []string
	for _, pr := range w.records {
		for _, a := range pr.acts {
			if !a.each && !a.proxy {
				for _, d := range pr.r.Dates {
					if pr.table.columns[d.Column] == a.at && plainName.MatchString(strings.ToLower(d.Column)) {
						out = append(out, pr.table.name+"."+change.StagingName(d.Column))
					}
				}
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, d := range w.Dates {
		t := w.of[d.Table]
		if t != nil && t.model != "" && (d.Role == "created" || d.Role == "dated") && plainName.MatchString(strings.ToLower(d.Column)) &&
			len(out) < 12 {
			out = append(out, t.name+"."+change.StagingName(d.Column))
		}
	}
	return out
}

func (w *plan) maskingConfig(b *strings.Builder, o Project) {
	keys := map[string]bool{}
	for _, k := range w.Keys {
		keys[k.Table+"."+k.Column] = true
		keys[k.Parent+"."+k.Key] = true
	}
	groups := []struct {
		title string
		list  []Sensitive
	}{
		{"What tells who somebody is.", w.Personal},
		{"Secrets.", w.Secrets},
		{"What tells of a person beside other columns: keep what you count by, such as a postcode.", w.Further},
	}
	var text []string
	for _, g := range groups {
		if lines := w.masks(g.list, keys); len(lines) > 0 {
			text = append(append(text, "    # "+g.title), lines...)
		}
	}
	if len(text) == 0 {
		return
	}
	if o.Mask {
		b.WriteString("\n# What tells of people is masked while it is read.\nmasking:\n  key: ${LIFELINE_MASKING_KEY:-file:.masking-key}\n  " +
			"columns:\n" + strings.Join(text, "\n") + "\n")
		return
	}
	b.WriteString("\n# What seems to tell of people. Take the # away before the first run: what has landed without a mask stays in " +
		"history.\n# masking:\n#   key: ${LIFELINE_MASKING_KEY}\n#   columns:\n")
	for _, l := range text {
		b.WriteString("# " + l + "\n")
	}
}

// masks are the lines of lifeline.yml that mask columns. A key keeps telling rows apart.
func (w *plan) masks(list []Sensitive, keys map[string]bool) []string {
	var lines []string
	for _, s := range list {
		t := w.of[s.Table]
		if t == nil || keys[s.Table+"."+s.Column] {
			continue
		}
		mask := s.Mask
		switch {
		case slices.Contains(t.t.Primary, s.Column):
			mask = "hash"
		case mask == "year":
			mask = "{truncate: year}"
		}
		lines = append(lines, fmt.Sprintf("    %s.%s: %s", t.name, strings.ToLower(s.Column), mask))
	}
	sort.Strings(lines)
	return lines
}

func (w *plan) dbtProject() string {
	seeds := ""
	if w.hasStates() {
		seeds = fmt.Sprintf("\nseeds:\n  %s:\n    +schema: core\n", w.source)
	}
	return fmt.Sprintf(`name: %[1]s
version: 1.0.0
config-version: 2
profile: %[1]s

model-paths: [models]
seed-paths: [seeds]
test-paths: [tests]
macro-paths: [macros]

models:
  %[1]s:
    +materialized: table
    core:
      +schema: core
      +tags: [core]
%[2]s
vars:
  # The end of the last business day that figures cover, in UTC. A run gives its own.
  as_of: '2030-01-01 00:00:00'
`, w.source, seeds)
}
