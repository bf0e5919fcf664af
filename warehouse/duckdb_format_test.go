package warehouse_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// The published file is in the format of DuckDB 1.2, whose clients are in use. With LIFELINE_TEST_DUCKDB_PYTHON, a Python that has such a
// client (pip install 'duckdb==1.2.*'), it is read by one.
func TestAPublishedFileIsReadByOlderClients(t *testing.T) {
	t.Parallel()
	p := warehousetest.DuckDB(t)
	w := p.Open(t, warehouse.Options{})
	r := warehousetest.Begin(t, w)
	table := warehousetest.Table("t", "id* int32", "x decimal(19,4)", "s text", "at timestamp")
	warehousetest.Land(t, r, noon, []*change.Table{table}, warehousetest.Source{table: {{1, "1.5", "a", noon}, {2, nil, nil, nil}}})
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	_, err = b.Create(t.Context(), warehouse.Model{Schema: "core", Name: "t", SQL: "select * from staging.t"})
	require.NoError(t, err)
	_, err = b.Create(t.Context(), warehouse.Model{Schema: "core", Name: "v", View: true, SQL: "select count(*) as n, sum(x) as x from " +
		b.Relation("core", "t")})
	require.NoError(t, err)
	require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon}))
	warehousetest.End(t, r)

	file, err := os.ReadFile(p.Path)
	require.NoError(t, err)
	require.Equal(t, "DUCK", string(file[8:12]))
	require.LessOrEqual(t, binary.LittleEndian.Uint64(file[12:20]), uint64(65), "the newest format that DuckDB 1.2 reads")
	python := os.Getenv("LIFELINE_TEST_DUCKDB_PYTHON")
	if python == "" {
		return
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", `
import duckdb, sys
c = duckdb.connect(sys.argv[1], read_only=True)
print(duckdb.__version__[:3], c.execute("select n, cast(x as varchar) from core.v").fetchall())`, p.Path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "1.2 [(2, '1.5000')]\n", string(out))
}
