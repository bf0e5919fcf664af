package warehouse_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

func TestALookAtTheLandingFileAndARunKeepOutOfEachOthersWay(t *testing.T) {
	t.Parallel()
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")})
	require.NoError(t, err)
	defer w.Close()
	_, err = w.OpenStaging(t.Context())
	require.ErrorIs(t, err, warehouse.ErrNothingPublished)

	r, err := w.Begin(t.Context(), warehouse.Holder{Command: "first"}, 0)
	require.NoError(t, err)
	_, err = w.OpenStaging(t.Context())
	var held *warehouse.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, "first", held.By.Command)
	require.NoError(t, r.Close(t.Context()))

	one, err := w.OpenStaging(t.Context())
	require.NoError(t, err)
	two, err := w.OpenStaging(t.Context())
	require.NoError(t, err, "several may look at once")
	require.NoError(t, two.Close())
	var tables int
	require.NoError(t, one.DB.QueryRow(`select count(*) from information_schema.tables where table_schema = 'ops'`).Scan(&tables))
	require.Positive(t, tables)
	_, err = one.DB.Exec(`create table staging.mine as select 1 as one`)
	require.ErrorContains(t, err, "read-only")

	begun := make(chan error, 1)
	go func() {
		r, err := w.Begin(t.Context(), warehouse.Holder{Command: "second"}, 0)
		if err == nil {
			err = r.Close(t.Context())
		}
		begun <- err
	}()
	select {
	case err := <-begun:
		require.Fail(t, "the run did not wait for the reader", err)
	case <-time.After(200 * time.Millisecond):
	}
	require.NoError(t, one.Close())
	require.NoError(t, <-begun, "a run waits for those who look, and begins")
}
