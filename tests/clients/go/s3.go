package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (c *clients) bucket() *string {
	return aws.String(c.prefix + "-bucket")
}

func (c *clients) put(ctx context.Context, key string, body []byte) error {
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: c.bucket(), Key: &key, Body: bytes.NewReader(body)})
	return err
}

// holds says whether an object has this body: its length and SHA-256.
func (c *clients) holds(ctx context.Context, key string, body []byte) error {
	object, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: c.bucket(), Key: &key})
	if err != nil {
		return err
	}
	defer object.Body.Close()
	hash := sha256.New()
	length, err := io.Copy(hash, object.Body)
	if err != nil {
		return err
	}
	if length != int64(len(body)) {
		return fmt.Errorf("%q has %d bytes, not %d", key, length, len(body))
	}
	if [sha256.Size]byte(hash.Sum(nil)) != sha256.Sum256(body) {
		return fmt.Errorf("%q has another SHA-256", key)
	}
	return nil
}

// keys lists the bucket in pages of a few keys.
func (c *clients) keys(ctx context.Context) ([]string, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{
		Bucket:       c.bucket(),
		EncodingType: types.EncodingTypeUrl,
		MaxKeys:      aws.Int32(7),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			// The SDK leaves it to us to decode what the encoding type asked for.
			key, err := url.QueryUnescape(*object.Key)
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (c *clients) s3List(ctx context.Context) error {
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    c.bucket(),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	})
	if err != nil {
		return err
	}
	list, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list.Buckets, func(bucket types.Bucket) bool { return *bucket.Name == *c.bucket() }) {
		return errors.New("the bucket is not in the list")
	}
	return nil
}

func difficultKeys() ([]string, error) {
	file, err := os.Open(os.Getenv("DIFFICULT_KEYS"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var keys []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var key string
		if err := json.Unmarshal(lines.Bytes(), &key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, lines.Err()
}

// s3Keys tries every key, so that one report names all that fail.
func (c *clients) s3Keys(ctx context.Context) error {
	keys, err := difficultKeys()
	if err != nil {
		return err
	}
	var failed []error
	for _, key := range keys {
		body := []byte("body of " + key)
		err := c.put(ctx, key, body)
		if err == nil {
			err = c.holds(ctx, key, body)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%q: %w", key, err))
		}
	}
	listed, err := c.keys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if !slices.Contains(listed, key) {
			failed = append(failed, fmt.Errorf("%q is not in the list", key))
		}
	}
	return errors.Join(failed...)
}

func (c *clients) s3Multipart(ctx context.Context) error {
	key := aws.String("multipart")
	body := random(5<<20 + 1<<10)
	upload, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: c.bucket(), Key: key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for _, part := range [][]byte{body[:5<<20], body[5<<20:]} {
		number := aws.Int32(int32(len(parts) + 1))
		uploaded, err := c.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket:     c.bucket(),
			Key:        key,
			UploadId:   upload.UploadId,
			PartNumber: number,
			Body:       bytes.NewReader(part),
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{
			ETag:          uploaded.ETag,
			PartNumber:    number,
			ChecksumCRC32: uploaded.ChecksumCRC32,
		})
	}
	_, err = c.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket:          c.bucket(),
		Key:             key,
		UploadId:        upload.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		return err
	}
	return c.holds(ctx, *key, body)
}

func (c *clients) s3Upload(ctx context.Context) error {
	body := random(64 << 20)
	_, err := transfermanager.New(c.s3).UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: c.bucket(),
		Key:    aws.String("upload"),
		Body:   bytes.NewReader(body),
	})
	if err != nil {
		return err
	}
	return c.holds(ctx, "upload", body)
}

// s3Stream uploads from a reader that is no io.Seeker. The transfer manager is the SDK's way to do so: PutObject refuses
// such a body over http.
func (c *clients) s3Stream(ctx context.Context) error {
	body := random(300 << 10)
	_, err := transfermanager.New(c.s3).UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: c.bucket(),
		Key:    aws.String("stream"),
		Body:   io.LimitReader(bytes.NewReader(body), int64(len(body))),
	})
	if err != nil {
		return err
	}
	return c.holds(ctx, "stream", body)
}

func (c *clients) s3Copy(ctx context.Context) error {
	key, body := "copy/50% of ünïcode", []byte("to be copied")
	if err := c.put(ctx, key, body); err != nil {
		return err
	}
	_, err := c.s3.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: c.bucket(),
		Key:    aws.String(key + " again"),
		// The SDK sends it as it is.
		CopySource: aws.String(*c.bucket() + "/" + escaped(key)),
	})
	if err != nil {
		return err
	}
	return c.holds(ctx, key+" again", body)
}

// escaped is a key as CopySource wants it: percent-encoded but for its slashes.
func escaped(key string) string {
	segments := strings.Split(key, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return strings.Join(segments, "/")
}

func (c *clients) s3Delete(ctx context.Context) error {
	keys, err := c.keys(ctx)
	if err != nil {
		return err
	}
	var objects []types.ObjectIdentifier
	for _, key := range keys {
		objects = append(objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	deleted, err := c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: c.bucket(),
		Delete: &types.Delete{Objects: objects},
	})
	if err != nil {
		return err
	}
	if len(deleted.Errors) > 0 {
		return fmt.Errorf("%d objects were not deleted, the first: %s", len(deleted.Errors), *deleted.Errors[0].Message)
	}
	_, err = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: c.bucket()})
	return err
}

func random(length int) []byte {
	bytes := make([]byte, length)
	// Never fails.
	rand.Read(bytes)
	return bytes
}
