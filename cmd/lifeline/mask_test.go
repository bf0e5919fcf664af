package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/sample"
)

const maskingKey = "a-key-of-the-test-and-of-nobody-else"

// membersProject is a project whose source holds what must not land; capitals stand where they may, since staging has none.
func membersProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lifeline.yml": `
name: members
masking:
  key: ` + maskingKey + `
  columns:
    Member.Name: hash
    member.born: {truncate: year}
    member.note: drop
`,
		"dbt_project.yml": "name: members\nversion: '1.0'\nprofile: members\nmodels: {members: {+materialized: table, +schema: core}}\n",
		"models/sources.yml": `
version: 2
sources:
  - name: clinic
    schema: staging
    tables:
      - name: member
        meta: {lifeline: {file: members.csv, key: [PHONE]}}
        columns:
          - {name: Phone, data_type: varchar(20), meta: {lifeline: {mask: hash}}}
          - {name: name, data_type: varchar(50)}
          - {name: born, data_type: date}
          - {name: Town, data_type: varchar(50), meta: {lifeline: {mask: {truncate: 3}}}}
          - {name: seen_at, data_type: datetime}
          - {name: note, data_type: varchar(200)}
`,
		"models/members.sql": "select phone, name, born, town, seen_at, _raw from {{ source('clinic', 'member') }}",
		"models/members.yml": `
version: 2
models:
  - name: members
    config: {unique_key: phone}
    meta: {lifeline: {entity_of: member}}
    columns:
      - name: town
        data_tests:
          - not_null: {config: {meta: {lifeline: {on_fail: quarantine}}}}
`,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

const membersFile = `Phone,NAME,born,town,seen_at,note
+254700000001,Wanjiku Kamau,1984-07-13,Nairobi,2019-01-02 03:04:05,allergic
+254700000002,Wanjiku Kamau,1999-00-00,Éldoret,2019-00-00 00:00:00,secret
+254700000003,Otieno,NULL,NULL,2019-01-02 03:04:05,private
`

func digest(text string) string {
	h := hmac.New(sha256.New, []byte(maskingKey))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))[:32]
}

func TestMaskedColumnsReachNoStore(t *testing.T) {
	t.Parallel()
	secrets := []string{"Wanjiku", "Otieno", "+2547", "allergic", "secret", "private", "Nairobi", "oret", "1984-07", "1999", maskingKey}
	project, csv := membersProject(t), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(csv, "members.csv"), []byte(membersFile), 0o600))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(project, "csv:"+csv, dsn)
		o := lifeline(t, append([]string{"run", "--json", "-v"}, flags...)...)
		require.Zero(t, o.code, o.errors)
		rows := query(t, flags, "select phone, name, born, town, seen_at, _raw from core.members order by town")
		require.Len(t, rows, 2)
		require.Equal(t, digest("+254700000001"), rows[0]["phone"])
		require.Equal(t, digest("Wanjiku Kamau"), rows[0]["name"])
		require.Equal(t, rows[0]["name"], rows[1]["name"], "equal values stay equal")
		require.Contains(t, rows[0]["born"], "1984-01-01")
		require.Equal(t, "Nai", rows[0]["town"])
		require.Equal(t, "Éld", rows[1]["town"])
		require.Nil(t, rows[1]["born"])
		require.JSONEq(t, `{"seen_at": "2019-00-00 00:00:00"}`, rows[1]["_raw"].(string))
		aside := lifeline(t, append([]string{"query", "--json", "--books"}, append(flags, "select * from quarantine.rows")...)...)
		require.Zero(t, aside.code, aside.errors)
		require.Contains(t, aside.out, digest("+254700000003"))
		for _, secret := range secrets {
			for _, said := range []string{o.out, o.errors, aside.out} {
				require.NotContains(t, said, secret)
			}
			if path, isFile := strings.CutPrefix(dsn, "duckdb:"); isFile {
				requireNoFileHolds(t, filepath.Dir(path), secret)
			}
		}
	})
}

// requireNoFileHolds looks for a text in every file of a warehouse. Short texts stand in DuckDB's files as they are.
func requireNoFileHolds(t *testing.T, dir, text string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NotContains(t, string(content), text, path)
		return err
	}))
}

func TestAMaskedColumnIsTheSameByCSVAndThroughMySQL(t *testing.T) {
	t.Parallel()
	project := entitiesCopy(t)
	edit(t, project, "lifeline.yml", "as_of:", "masking:\n  key: "+maskingKey+
		"\n  columns: {claim.type: hash, treatment.id: hash, treatment.provider_id: drop}\nas_of:")
	source := mysqlDatabase(t)
	_, err := sample.Load(t.Context(), sample.Options{Project: "carepay", Scale: 0.05, Seed: 1, Dirt: "real"}, source)
	require.NoError(t, err)
	landed := map[string][]map[string]any{}
	for _, from := range []string{source, "csv:" + smallSample(t)} {
		dsn := duckAt(t, "masked")
		// The models want a treatment's number; what is looked at is what landed before they failed.
		report(t, 1, append([]string{"run"}, at(project, from, dsn)...)...)
		landed[from] = stagingRows(t, dsn, "select id, status, date_created, program_id from staging.treatment order by id")
		require.Len(t, landed[from][0]["id"], 32)
	}
	require.Equal(t, landed[source], landed["csv:"+smallSample(t)])
}

func TestAMaskThatWouldBreakTheBooksIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ masking, says string }{
		"money":    {"{columns: {claim.amount: drop}}", "added up by the books"},
		"currency": {"{key: " + maskingKey + ", columns: {claim.currency: hash}}", "added up by the books"},
		"key":      {"{columns: {claim.id: drop}}", "part of the key"},
		"no key":   {"{columns: {claim.type: hash}}", "masking.key has fewer than 16 characters"},
		"unknown":  {"{columns: {claim.typ: drop}}", `"claim.typ", which is not a column`},
		"method":   {"{columns: {claim.type: blur}}", "blur is not a mask"},
		"type":     {"{columns: {treatment.date_treatment: {truncate: 3}}}", "cannot be truncated"},
	} {
		project := projectCopy(t)
		edit(t, project, "lifeline.yml", "as_of:", "masking: "+c.masking+"\nas_of:")
		o := lifeline(t, append([]string{"run"}, at(project, "csv:"+smallSample(t), duckAt(t, "x"))...)...)
		require.Equal(t, 2, o.code, "%s: %s", name, o.errors)
		require.Contains(t, o.errors, c.says, name)
		require.Contains(t, o.errors, "Try:", name)
	}
}
