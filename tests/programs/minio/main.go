// An archive of log files, as programs with minio-go keep one. `program WAY BUCKET`
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// connect is all that differs between the ways. HTTP_PROXY is minio-go's to read.
func connect(way string) (*minio.Client, error) {
	options := &minio.Options{
		Creds:  credentials.NewEnvAWS(),
		Region: os.Getenv("AWS_REGION"),
	}
	host := "s3.amazonaws.com"
	options.Secure = way == "https"
	if way == "endpoint" {
		endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
		if err != nil {
			return nil, err
		}
		host = endpoint.Host
	}
	return minio.New(host, options)
}

func work(way, bucket string) error {
	ctx := context.Background()
	client, err := connect(way)
	if err != nil {
		return err
	}
	large := make([]byte, 17<<20)
	if _, err := rand.Read(large); err != nil {
		return err
	}
	objects := map[string][]byte{
		"dir//ä +%2F.txt": []byte("odd"),
		"empty":           {},
		"large":           large,
		"streamed":        large,
	}
	for key, body := range objects {
		// Without a size it sends parts as they come.
		size := int64(len(body))
		if key == "streamed" {
			size = -1
		}
		options := minio.PutObjectOptions{PartSize: 5 << 20, UserMetadata: map[string]string{"Written-By": "minio-go"}}
		if _, err := client.PutObject(ctx, bucket, key, bytes.NewReader(body), size, options); err != nil {
			return fmt.Errorf("put %q: %w", key, err)
		}
	}
	for key, body := range objects {
		object, err := client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
		if err != nil {
			return fmt.Errorf("get %q: %w", key, err)
		}
		found, err := io.ReadAll(object)
		if err != nil || !bytes.Equal(found, body) {
			return fmt.Errorf("get %q: %d bytes, expected %d: %w", key, len(found), len(body), err)
		}
	}
	source := minio.CopySrcOptions{Bucket: bucket, Object: "dir//ä +%2F.txt"}
	if _, err := client.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "copy"}, source); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	info, err := client.StatObject(ctx, bucket, "copy", minio.StatObjectOptions{})
	if err != nil || info.Size != 3 || info.UserMetadata["Written-By"] != "minio-go" {
		return fmt.Errorf("stat: %+v: %w", info, err)
	}
	keys, err := list(ctx, client, bucket)
	if err != nil || !slices.Equal(keys, []string{"copy", "dir//ä +%2F.txt", "empty", "large", "streamed"}) {
		return fmt.Errorf("list: %q: %w", keys, err)
	}
	for fault := range client.RemoveObjects(ctx, bucket, client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}), minio.RemoveObjectsOptions{}) {
		return fmt.Errorf("remove %q: %w", fault.ObjectName, fault.Err)
	}
	if keys, err = list(ctx, client, bucket); err != nil || len(keys) > 0 {
		return fmt.Errorf("still there: %q: %w", keys, err)
	}
	return nil
}

func list(ctx context.Context, client *minio.Client, bucket string) ([]string, error) {
	var keys []string
	for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return nil, object.Err
		}
		keys = append(keys, object.Key)
	}
	return keys, nil
}

func main() {
	if err := work(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
