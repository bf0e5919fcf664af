package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"lifeline/change"
	"lifeline/semantic"
)

// openStore is where --all writes: a folder, or s3://BUCKET/PREFIX.
func openStore(out string) (semantic.Store, error) {
	if !strings.HasPrefix(out, "s3://") {
		return folderStore(out), nil
	}
	u, err := url.Parse(out)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, usage(errors.New("--out is not an address of a bucket"),
			"--out s3://bucket/prefix; the keys stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	endpoint := os.Getenv("AWS_ENDPOINT_URL_S3")
	if endpoint == "" {
		endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	host, secure := "s3.amazonaws.com", true
	if endpoint != "" {
		e, err := url.Parse(endpoint)
		if err != nil || e.Host == "" {
			return nil, usage(errors.New("AWS_ENDPOINT_URL is not an address"), "export AWS_ENDPOINT_URL=https://minio.example.com:9000")
		}
		host, secure = e.Host, e.Scheme == "https"
	}
	client, err := minio.New(host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		}),
		Secure: secure, Region: orRegion(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
	})
	if err != nil {
		return nil, fmt.Errorf("reach the store: %w", err)
	}
	return &bucketStore{client: client, bucket: u.Host, prefix: strings.Trim(u.Path, "/")}, nil
}

func orRegion(region, otherwise string) string {
	if region == "" {
		return otherwise
	}
	return region
}

// folderStore is a folder.
type folderStore string

// Put copies a file beside its place and renames it.
func (f folderStore) Put(_ context.Context, name, file string) error {
	to := filepath.Join(string(f), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", name, err)
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.CreateTemp(filepath.Dir(to), ".next-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { _ = os.Remove(out.Name()) }()
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(0o644), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(out.Name(), to)
}

// bucketStore is a bucket of S3 or of a store that speaks its protocol.
type bucketStore struct {
	client         *minio.Client
	bucket, prefix string
}

// Put uploads a file; an object appears whole.
func (s *bucketStore) Put(ctx context.Context, name, file string) error {
	_, err := s.client.FPutObject(ctx, s.bucket, path.Join(s.prefix, name), file, minio.PutObjectOptions{})
	return s.problem(name, err)
}

func (s *bucketStore) problem(name string, err error) error {
	if err == nil {
		return nil
	}
	return &change.Problem{
		Err: fmt.Errorf("write %s into the bucket %s: %w", name, s.bucket, err), Class: change.ClassError,
		Try: "look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL, and whether the bucket is there",
	}
}
