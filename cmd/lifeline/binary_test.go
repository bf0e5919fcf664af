package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// binaryProject has entities with keys of bytes, which only the source declares.
var binaryProject = map[string]string{
	"lifeline.yml": "name: r\nsource: {time_zone: UTC}\n", "dbt_project.yml": "name: p\n",
	"models/sources.yml":   "sources:\n  - name: s\n    schema: staging\n    tables: [{name: parent}, {name: child}]\n",
	"models/parents.sql":   "{{ config(schema='core') }} select * from {{ source('s', 'parent') }}",
	"models/children.sql":  "{{ config(schema='core') }} select * from {{ source('s', 'child') }}",
	"models/binaries.yml":  binaryTests,
	"models/quoted.sql":    `{{ config(schema='core') }} select 1 as "a b"`,
	"models/quoted.yml":    `models: [{name: quoted, columns: [{name: '"a b"', data_tests: [unique]}]}]`,
	"models/by_parent.sql": "{{ config(schema='analytics') }} select parent_id, count(*) as n from {{ ref('children') }} group by parent_id",
}

const binaryTests = `
models:
  - name: parents
    config: {meta: {lifeline: {entity_of: parent}}}
    columns:
      - name: v
        data_tests:
          - dbt_utils.accepted_range: {name: parents_v, min_value: 0, config: {meta: {lifeline: {on_fail: quarantine}}}}
  - name: children
    config: {meta: {lifeline: {entity_of: child}}}
    columns:
      - name: parent_id
        data_tests:
          - relationships: {name: children_parent, to: ref('parents'), field: id, config: {meta: {lifeline: {on_fail: quarantine}}}}
      - name: weight
        data_tests:
          - dbt_utils.accepted_range: {name: children_weight, max_value: 2, config: {severity: warn}}
`

// F36. A key of bytes has one spelling, \x and hexadecimal digits, on both engines and in every command: as it is quarantined, shown,
// traced, checked, released, and as a value that points to a parent.
func TestAKeyOfBytesIsSpelledOneWayEverywhere(t *testing.T) {
	source, admin := mysqlDatabase(t), mysqlAdmin(t)
	name := databaseOf(source)
	for _, statement := range []string{
		"create database " + name,
		"create table " + name + ".parent (id binary(4) primary key, v int)",
		"insert into " + name + ".parent values (x'00ff5c41', 1), (x'41424344', -1)",
		"create table " + name + ".child (id binary(4), n int, parent_id binary(4), weight double, primary key (id, n))",
		"insert into " + name + ".child values (x'00ff5c41', 1, x'41424344', 1.5), (x'00ff5c41', 2, x'00ff5c41', 3), (x'2722275c', 3, " +
			"x'99999999', 1e20)",
	} {
		_, err := admin.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir := t.TempDir()
		write := func(name, text string) {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		for name, text := range binaryProject {
			write(name, text)
		}
		at := []string{"--project", dir, "--warehouse", dsn}
		say := func(code int, args ...string) string {
			t.Helper()
			o := lifeline(t, append(args, at...)...)
			require.Equal(t, code, o.code, o.errors)
			return o.out + o.errors
		}
		say(0, "run", "--source", source)
		require.Equal(t, []map[string]any{
			{"table_name": "child", "key": `["\\x00ff5c41","1"]`, "check": "children_parent", "reason": "parent_quarantined", "value": `\x41424344`},
			{"table_name": "child", "key": `["\\x2722275c","3"]`, "check": "children_parent", "reason": "no_parent", "value": `\x99999999`},
			{"table_name": "parent", "key": `\x41424344`, "check": "parents_v", "reason": "accepted_range", "value": "-1"},
		}, books(t, at, `select q.table_name, q.key, r.check_name as "check", r.reason, r.value from quarantine.rows as q
			join quarantine.reasons as r on r.table_name = q.table_name and r.key = q.key order by 1, 2`))
		require.Equal(t, []map[string]any{{"key": `["\\x00ff5c41","2"]`, "value": "3"}}, books(t, at, "select key, value from ops.check_rows"))
		for _, spelled := range []string{"0x41424344", `\x41424344`, "x'41424344'"} {
			require.Contains(t, say(0, "quarantine", "show", spelled), `row: {"id":"\\x41424344","v":-1,"_raw":null}`)
			require.Contains(t, say(2, "trace", "core.parents", spelled), "it is in quarantine (quarantined): parents_v (accepted_range)")
		}
		require.Contains(t, say(0, "quarantine", "show", "0x00ff5c41,1"), `parent_quarantined, parent_id = \x41424344`)
		traced := say(0, "trace", "core.children", `0x00ff5c41,2`)
		require.Contains(t, traced, `staging.child  id = \x00ff5c41, n = 2`)
		require.Contains(t, traced, `lifeline trace core.parents '\x00ff5c41'`, "as it can be pasted into a shell")
		require.Contains(t, say(0, "trace", "core.parents", `\x00ff5c41`), `lifeline trace core.children '["\\x00ff5c41","2"]'`)

		require.Contains(t, say(0, "trace", "core.quoted", "1"), "core.quoted  a b = 1", "a name that the project writes in quotes")

		write("models/binaries.yml", strings.Replace(binaryTests, "min_value: 0", "min_value: -5", 1))
		require.Contains(t, say(0, "quarantine", "replay"), "2 rows released from quarantine", "the parent, and the child that followed it")
		require.Contains(t, say(0, "trace", "core.children", `0x00ff5c41,1`), `parent_id  \x41424344`)
	})
}
