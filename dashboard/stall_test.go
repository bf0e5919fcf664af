package dashboard_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

// stall asks for something and never reads the answer but for its first byte.
func stall(t *testing.T, c *client, path string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = bufio.NewReaderSize(conn, 16).Peek(1)
	require.NoError(t, err)
}

// A14: readers that ask for a file or a page and never read it hold up no other reader and no publication, and their answers are not
// piled up in memory.
func TestReadersThatStallHoldNobodyUp(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		const n = 60_000
		dir := bigProject(t, n)
		publishBig(t, dir, dsn)
		c := openBig(t, dir, dsn)
		rows := "/api/v1/tables/analytics.big/rows?range=all"
		require.EqualValues(t, n, get[semantic.RowsData](c, rows+"&limit=1").Page.Total)
		resident(t)
		began := time.Now()
		for _, path := range []string{rows + "&format=csv", rows + "&format=ndjson", rows + "&limit=1000", rows + "&limit=1000&status=paid"} {
			stall(t, c, path)
		}
		for i := range 10 {
			status, _, body := c.raw(fmt.Sprintf("%s&limit=5&amount>=%d", rows, i))
			require.Equal(t, http.StatusOK, status, string(body))
		}
		pages := time.Since(began)
		file := filepath.Join(t.TempDir(), "rows.csv")
		require.EqualValues(t, n, download(t, c.url+rows+"&format=csv", file), "another file goes out meanwhile")

		began = time.Now()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "models/big.sql"), fmt.Appendf(nil, bigModel, n+1), 0o600))
		publishBig(t, dir, dsn)
		published := time.Since(began)
		for get[semantic.RowsData](c, rows+"&limit=1").Page.Total != n+1 {
			require.Less(t, time.Since(began), time.Minute, "the server follows the publication")
		}
		most := resident(t)
		t.Logf("10 pages in %s, a publication in %s, %d MB at most", pages, published, most>>20)
		require.Less(t, most, int64(800<<20))
	})
}
