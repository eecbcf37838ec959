// What a web application makes with the SDK: a line of JSON for each thing that somebody else sends.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func main() {
	ctx := context.Background()
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := s3.NewPresignClient(s3.NewFromConfig(loaded), s3.WithPresignExpires(10*time.Minute))
	bucket, key := aws.String("reports"), aws.String("a/b +ä.txt")
	put, err := client.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: key, ContentType: aws.String("text/plain"), Body: strings.NewReader("content"),
	})
	show(put, err, "content")
	get, err := client.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
	show(get, err, "")
}

func show(made *v4.PresignedHTTPRequest, err error, body string) {
	if err != nil {
		log.Fatal(err)
	}
	url, err := exchange(made)
	if err != nil {
		log.Fatal(err)
	}
	headers := map[string]string{}
	for name := range made.SignedHeader {
		if name != "Host" && name != "Content-Length" {
			headers[name] = made.SignedHeader.Get(name)
		}
	}
	one := map[string]any{"method": made.Method, "url": url, "headers": headers, "body": body}
	if err := json.NewEncoder(os.Stdout).Encode(one); err != nil {
		log.Fatal(err)
	}
}
