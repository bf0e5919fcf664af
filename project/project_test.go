package project_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/project"
)

// write makes a project folder of the given files around a minimal one.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		"lifeline.yml":      "name: small\n",
		"dbt_project.yml":   "name: small\n",
		"models/claims.sql": "select 1 as id",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func load(t *testing.T, files map[string]string) (*project.Project, error) {
	t.Helper()
	return project.Load(write(t, files), project.Options{})
}

// requireProblem checks place, message and hint, and that the program ends with exit code 2.
func requireProblem(t *testing.T, err error, want string) {
	t.Helper()
	var p *change.Problem
	require.True(t, errors.As(err, &p), "%v", err)
	require.Equal(t, change.ClassUsage, p.Class)
	require.Equal(t, want, p.Where+": "+p.Error()+" | "+p.Try)
}

// Each testdata/NAME.bad.yml says in its first line what must come of it, as models/x.yml of a small project.
func TestABadFileIsRefusedWithItsPlaceAndAHint(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.bad.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			first, _, _ := strings.Cut(string(text), "\n")
			want, ok := strings.CutPrefix(first, "# want: ")
			require.True(t, ok, "the first line says what is wanted")
			_, err = load(t, map[string]string{"models/x.yml": string(text)})
			requireProblem(t, err, want)
		})
	}
}

func TestBrokenYAMLNamesItsLine(t *testing.T) {
	t.Parallel()
	_, err := load(t, map[string]string{"models/x.yml": "models:\n  - name: [claims\n"})
	var p *change.Problem
	require.ErrorAs(t, err, &p)
	require.Contains(t, p.Where, "models/x.yml:")
	require.Equal(t, change.ClassUsage, p.Class)
}

func TestAFolderWithoutAProjectSaysSo(t *testing.T) {
	t.Parallel()
	_, err := project.Load(t.TempDir(), project.Options{})
	require.ErrorContains(t, err, "lifeline.yml")
}

func TestTwoNodesOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	_, err := load(t, map[string]string{"models/deep/claims.sql": "select 2 as id"})
	requireProblem(t, err, `models/deep/claims.sql: two nodes are called "claims": models/claims.sql and models/deep/claims.sql | rename `+
		`one file`)
}

func TestConfigurationGoesFromTheFolderToTheFile(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"dbt_project.yml": "name: small\nmodels:\n  +tags: all\n  small:\n    +materialized: table\n    core:\n      +schema: core\n      " +
			"+tags: [inner]\n",
		"models/core/deep.sql": "select 1 as id",
		"models/x.yml": "models:\n  - name: deep\n    config: {materialized: view, unique_key: id, indexes: [{columns: [id], unique: " +
			"true}]}\n",
	})
	require.NoError(t, err)
	deep := p.Model("deep")
	require.Equal(t, "view", deep.Config.Materialized)
	require.Equal(t, "core", deep.Config.Schema)
	require.Equal(t, []string{"all", "inner"}, deep.Config.Tags)
	require.Equal(t, []string{"id"}, deep.Config.UniqueKey)
	require.Equal(t, []project.Index{{Columns: []string{"id"}, Unique: true}}, deep.Config.Indexes)
	require.Equal(t, "table", p.Model("claims").Config.Materialized)
	require.Empty(t, p.Model("claims").Config.Schema)
}

func TestSeedsGetTheNarrowestTypeOfTheirColumns(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"seeds/s.csv": "a,b,c,d,e,f,g\n1,10000000000,1.5,2019-01-01,2019-01-01 " +
			"10:00:00,true,x\n,,,,,,\n007,1,2,2019-01-02,2019-01-01T10:00:00.5,FALSE,1\n",
		"models/x.yml":  "version: 2\n",
		"seeds/s.yml":   "seeds:\n  - name: s\n    config: {column_types: {g: varchar(10)}}\n",
		"seeds/bom.csv": "\xef\xbb\xbfname\nx\n",
	})
	require.NoError(t, err)
	var types []string
	for _, c := range p.Seed("s").Columns {
		types = append(types, c.Type)
	}
	require.Equal(t, []string{"text", "bigint", "numeric(38,10)", "date", "timestamp", "boolean", "varchar(10)"}, types)
	require.Nil(t, p.Seed("s").Rows[1][0])
	require.Equal(t, "name", p.Seed("bom").Columns[0].Name)
}

func TestSourcesKeepTheirContract(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{"models/s.yml": `
sources:
  - name: shop
    tables:
      - name: orders
        identifier: ORDERS
        meta: {lifeline: {file: orders.csv, key: [id, line], money: {paid: currency, tip: ""}}}
        columns:
          - {name: id, data_type: int, data_tests: [not_null, {unique: {name: one_id, config: {severity: warn, where: "id > 0"}}}]}
          - {name: paid, data_type: "decimal(19,4)"}
`})
	require.NoError(t, err)
	s := p.Source("shop", "orders")
	require.Equal(t, "staging", s.Schema)
	require.Equal(t, "ORDERS", s.Identifier)
	require.Equal(t, []string{"id", "line"}, s.Key)
	require.Equal(t, map[string]string{"paid": "currency", "tip": ""}, s.Money)
	require.Equal(t, []string{"paid", "tip"}, s.MoneyOrder)
	require.Equal(t, "decimal(19,4)", s.Columns[1].DataType)
	require.Len(t, p.Tests, 2)
	require.Equal(t, "source_not_null_shop_orders_id", p.Tests[0].Name)
	require.Equal(t, "one_id", p.Tests[1].Name)
	require.Equal(t, "warn", p.Tests[1].Severity)
	require.Equal(t, "id > 0", p.Tests[1].Where)
	require.Equal(t, "shop.orders", p.Tests[1].Node)
}

func TestKeysOfDbtWithoutEffectAreListed(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"models/x.yml": "models:\n  - name: claims\n    docs: {show: false}\n    config: {persist_docs: {}}\n",
	})
	require.NoError(t, err)
	var keys []string
	for _, i := range p.Ignored {
		keys = append(keys, i.String())
	}
	require.ElementsMatch(t, []string{"docs (models/x.yml:3:5)", "config.persist_docs (models/x.yml:4:14)"}, keys)
}

func TestEnvironmentVariablesStandInAddresses(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"lifeline.yml": "source: {dsn: \"${SRC}\"}\nwarehouse: {dsn: \"{{ env_var('WH', 'duckdb:x') }}\", " +
		"keep_versions: 3}\nas_of: 2019-01-01\n"})
	p, err := project.Load(dir, project.Options{Env: func(name string) string { return map[string]string{"SRC": "csv:here"}[name] }})
	require.NoError(t, err)
	require.Equal(t, "csv:here", p.Config.Source.DSN)
	require.Equal(t, "duckdb:x", p.Config.Warehouse.DSN)
	require.Equal(t, 3, p.Config.Warehouse.KeepVersions)
	require.Equal(t, "2019-01-01", p.Config.AsOf.Rule)
	require.Equal(t, "UTC", p.Config.BusinessTimeZone)
}

func TestTheHashFollowsEveryFile(t *testing.T) {
	t.Parallel()
	dir := write(t, nil)
	hash := func() string {
		p, err := project.Load(dir, project.Options{})
		require.NoError(t, err)
		h, err := p.Hash()
		require.NoError(t, err)
		return h
	}
	before := hash()
	require.Equal(t, before, hash())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "models", "claims.sql"), []byte("select 2 as id"), 0o644))
	require.NotEqual(t, before, hash())
}

func TestNearest(t *testing.T) {
	t.Parallel()
	f := func(name, want string, candidates ...string) {
		t.Helper()
		require.Equal(t, want, project.Nearest(name, candidates))
	}
	f("claim", "claims", "claims", "invoices")
	f("not_nul", "not_null", "unique", "not_null")
	f("zebra", "", "claims", "invoices")
}

func FuzzLoadNeverPanics(f *testing.F) {
	files, err := filepath.Glob("testdata/*.bad.yml")
	require.NoError(f, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := load(t, map[string]string{"models/x.yml": text})
		if err == nil {
			require.NotNil(t, p)
		}
	})
}
