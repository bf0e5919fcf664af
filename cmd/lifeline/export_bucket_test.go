package main

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

// bucketServer is a server that speaks S3, beside real dbt; it returns its address.
func bucketServer(t *testing.T) string {
	t.Helper()
	program := filepath.Join(filepath.Dir(dbtProgram(t)), "moto_server")
	if _, err := os.Stat(program); err != nil {
		t.Skip("there is no moto_server beside dbt: make interop installs it")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	c := exec.Command(program, "-H", "127.0.0.1", "-p", strconv.Itoa(port))
	said, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Running on") {
			return "127.0.0.1:" + strconv.Itoa(port)
		}
	}
	t.Fatal("the server of buckets ended")
	return ""
}

// A bucket takes a whole version, the manifest last; keys come from the environment.
func TestAWholeVersionIsExportedIntoABucket(t *testing.T) {
	host := bucketServer(t)
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+host+"/lake", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(put)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ENDPOINT_URL", "http://"+host)
	project, source := dbtProject(t, map[string]string{"models/kept.sql": "select id from {{ source('s', 't') }}"})
	dsn := "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")
	report(t, 0, append([]string{"run"}, at(project, "csv:"+source, dsn)...)...)
	o := lifeline(t, "export", "--all", "--format", "parquet", "--out", "s3://lake/team", "--project", project, "--warehouse", dsn)
	require.Zero(t, o.code, o.errors)

	client, err := minio.New(host, &minio.Options{Creds: credentials.NewStaticV4("key", "secret", ""), Region: "us-east-1"})
	require.NoError(t, err)
	object, err := client.GetObject(t.Context(), "lake", "team/manifest.json", minio.GetObjectOptions{})
	require.NoError(t, err)
	var m semantic.VersionManifest
	require.NoError(t, json.NewDecoder(object).Decode(&m))
	require.Len(t, m.Tables, 1)
	info, err := client.StatObject(t.Context(), "lake", "team/"+m.Tables[0].Path+"/part-0.parquet", minio.StatObjectOptions{})
	require.NoError(t, err)
	require.Equal(t, m.Tables[0].Bytes, info.Size)

	o = lifeline(t, "export", "--all", "--format", "parquet", "--out", "s3://nowhere", "--project", project, "--warehouse", dsn)
	require.Equal(t, 1, o.code)
	require.Contains(t, o.errors, "whether the bucket is there")
	require.NotContains(t, o.errors, "secret")
}
