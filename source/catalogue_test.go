package source_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// What is asked of information_schema does not grow with the number of tables: a statement each was most of the server's work for a run
// over 390 of them.
func TestManyTablesAreDescribedAtOnce(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		const tables = 24
		d.exec(t, "create table p (id int primary key, u int not null, unique key uu (u))")
		for i := range tables {
			d.exec(t, fmt.Sprintf("create table t%02d (id int primary key, p int, Word varchar(9) character set latin1, at datetime(3), "+
				"constraint k%d foreign key (p) references p (id) on delete cascade on update set null)", i, i))
		}
		few, part := described(t, d, []source.Contract{{Name: "p"}, {Name: "t07"}})
		all, whole := described(t, d, nil)
		require.Len(t, whole.Tables, tables+1)
		require.Equal(t, part.Tables[0], whole.Tables[0])
		require.Equal(t, part.Tables[1], whole.Tables[1+7], "one by one and all at once say the same")
		require.Equal(t, []string{"id"}, whole.Tables[8].Unique)
		require.Equal(t, "latin1", whole.Tables[8].Physical[2].Charset)
		require.Equal(t, 3, whole.Tables[8].Physical[3].Digits)
		if len(part.Tables[1].Cascades) > 0 { // The newest versions log what keys change.
			require.Equal(t, []change.Cascade{{Schema: d.name, Parent: "p", Columns: []string{"id"}, OnDelete: true, OnUpdate: true}},
				whole.Tables[8].Cascades)
		}
		require.Less(t, all, tables/2, "statements over information_schema")
		require.LessOrEqual(t, all, few+2)
	})
}

// described describes tables and their log, and counts the statements over information_schema that it took.
func described(t *testing.T, d *tester, wanted []source.Contract) (int, source.Log) {
	t.Helper()
	u, err := url.Parse(d.dsn)
	require.NoError(t, err)
	ear := listenIn(t, u.Host)
	u.Host = ear.address
	s, err := source.Open(context.Background(), source.Options{DSN: u.String(), Tables: wanted})
	require.NoError(t, err)
	_, err = s.Tables(context.Background())
	require.NoError(t, err)
	l, err := s.(source.Logged).Log(context.Background())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Empty(t, l.Unreadable)
	ear.mu.Lock()
	defer ear.mu.Unlock()
	return strings.Count(ear.heard.String(), "from information_schema."), l
}

// ear passes connections on to a server, and keeps what is said to it.
type ear struct {
	address string

	mu    sync.Mutex
	heard strings.Builder
}

func (e *ear) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard.Write(p)
}

func listenIn(t *testing.T, to string) *ear {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	e := &ear{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // The test has ended.
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
			go func() { _, _ = io.Copy(io.MultiWriter(server, e), client); _ = server.Close() }()
		}
	}()
	return e
}
