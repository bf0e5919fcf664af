package warehouse_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// postgresDSN makes a database of this test's own, and drops it after.
func postgresDSN(t testing.TB) string {
	t.Helper()
	return warehousetest.Postgres(t).DSN
}

// pgWarehouse opens the warehouse of a database, with patience for readers that a test can wait for.
func pgWarehouse(t testing.TB, dsn string) warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	warehouse.SetPatience(w, 20*time.Second)
	return w
}

func pgBegin(t testing.TB, w warehouse.Warehouse) warehouse.Run {
	t.Helper()
	r, err := w.Begin(t.Context(), warehouse.Holder{Command: "test", Host: "here", PID: os.Getpid()}, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
	return r
}

// pgConn is a session of a stranger. It speaks the simple protocol: the other leaves a portal open, and so its snapshot, until the
// next statement of a transaction.
func pgConn(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// pgTexts runs a select of one text and gives its rows.
func pgTexts(t testing.TB, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	require.NoError(t, err, query)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, query)
	return out
}

func pgDo(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := conn.Exec(t.Context(), s)
		require.NoError(t, err, s)
	}
}

// publish builds the given models and publishes them.
func publish(t testing.TB, r warehouse.Run, models ...warehouse.Model) int64 {
	t.Helper()
	version, err := tryPublish(t, r, models...)
	require.NoError(t, err)
	return version
}

func tryPublish(t testing.TB, r warehouse.Run, models ...warehouse.Model) (int64, error) {
	t.Helper()
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Discard(context.Background())) }()
	for _, m := range models {
		_, err := b.Create(t.Context(), m)
		require.NoError(t, err)
		require.NoError(t, b.Index(t.Context(), m))
	}
	err = b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: time.Unix(1700000000, 0), Project: "p"})
	return b.Version(), err
}

func model(schema, name, query string) warehouse.Model {
	return warehouse.Model{Schema: schema, Name: name, SQL: query}
}

var claimTable = &change.Table{
	Name: "claim", SourceName: "CLAIM", Key: []string{"id"},
	Columns: []change.Column{
		{Name: "id", SourceName: "ID", Type: change.Type{Kind: change.Int32}, Nullable: true},
		{Name: "status", SourceName: "STATUS", Type: change.Type{Kind: change.Text}, Nullable: true},
		{Name: "amount", SourceName: "AMOUNT", Type: change.Type{Kind: change.Decimal, Precision: 19, Scale: 4}, Nullable: true},
	},
}

// claim is a row of claimTable; amount is in ten-thousandths.
type claim struct {
	id     int64
	status string
	amount int64
}

func landClaims(t testing.TB, r warehouse.Run, at time.Time, table *change.Table, claims ...claim) warehouse.Landed {
	t.Helper()
	load, err := r.Load(t.Context(), []*change.Table{table}, change.Snapshot{
		Position: change.Position("p" + at.Format("150405")),
		TakenAt:  at,
	})
	require.NoError(t, err)
	w, err := load.Writer(t.Context(), table)
	require.NoError(t, err)
	b := change.NewBatch(table, len(claims))
	for _, c := range claims {
		b.Cols[0].AppendInt(c.id)
		b.Cols[1].AppendBytes([]byte(c.status))
		b.Cols[2].AppendInt(c.amount)
		b.Raw.AppendNull(change.Text)
		b.Len++
	}
	require.NoError(t, w.Write(t.Context(), b))
	require.NoError(t, w.Close(t.Context()))
	landed, err := load.Commit(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, landed, 1)
	return landed[0]
}
