// The AWS SDK for Go v2, as its users write it. `client MODE PREFIX`; the steps are those of every client in this folder.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const region = "eu-west-1"

// The clients of one run, and what its names begin with.
type clients struct {
	prefix   string
	s3       *s3.Client
	dynamodb *dynamodb.Client
	sqs      *sqs.Client
	sns      *sns.Client
	secrets  *secretsmanager.Client
	kms      *kms.Client
	lambda   *lambda.Client
	sts      *sts.Client
}

// connect makes clients as the environment says: AWS_ENDPOINT_URL, AWS_REGION and keys.
func connect(ctx context.Context, prefix string) (*clients, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return &clients{
		prefix:   prefix,
		s3:       s3.NewFromConfig(settings),
		dynamodb: dynamodb.NewFromConfig(settings),
		sqs:      sqs.NewFromConfig(settings),
		sns:      sns.NewFromConfig(settings),
		secrets:  secretsmanager.NewFromConfig(settings),
		kms:      kms.NewFromConfig(settings),
		lambda:   lambda.NewFromConfig(settings),
		sts:      sts.NewFromConfig(settings),
	}, nil
}

// connectUnsigned makes clients that sign nothing and speak plain http. The SDK's HTTP client reads HTTP_PROXY by itself.
func connectUnsigned(ctx context.Context, prefix string) (*clients, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	if err != nil {
		return nil, err
	}
	at := func(service string) aws.Config {
		settings := settings.Copy()
		settings.BaseEndpoint = aws.String(fmt.Sprintf("http://%s.%s.amazonaws.com", service, region))
		return settings
	}
	return &clients{
		prefix:   prefix,
		s3:       s3.NewFromConfig(at("s3")),
		dynamodb: dynamodb.NewFromConfig(at("dynamodb")),
		sqs:      sqs.NewFromConfig(at("sqs")),
		sns:      sns.NewFromConfig(at("sns")),
		secrets:  secretsmanager.NewFromConfig(at("secretsmanager")),
		kms:      kms.NewFromConfig(at("kms")),
		lambda:   lambda.NewFromConfig(at("lambda")),
		sts:      sts.NewFromConfig(at("sts")),
	}, nil
}

type step struct {
	name string
	do   func(*clients, context.Context) error
}

var steps = []step{
	{"s3_list", (*clients).s3List},
	{"s3_keys", (*clients).s3Keys},
	{"s3_multipart", (*clients).s3Multipart},
	{"s3_upload", (*clients).s3Upload},
	{"s3_stream", (*clients).s3Stream},
	{"s3_copy", (*clients).s3Copy},
	{"s3_delete", (*clients).s3Delete},
	{"dynamodb", (*clients).useDynamoDB},
	{"sqs", (*clients).useSQS},
	{"sns", (*clients).useSNS},
	{"secretsmanager", (*clients).useSecretsManager},
	{"kms", (*clients).useKMS},
	{"lambda", (*clients).useLambda},
	{"sts", (*clients).useSTS},
}

var refused = []step{
	{"s3", func(c *clients, ctx context.Context) error {
		_, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	}},
	{"dynamodb", func(c *clients, ctx context.Context) error {
		_, err := c.dynamodb.ListTables(ctx, &dynamodb.ListTablesInput{})
		return err
	}},
	{"sqs", func(c *clients, ctx context.Context) error {
		_, err := c.sqs.ListQueues(ctx, &sqs.ListQueuesInput{})
		return err
	}},
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// run does every step of the mode, and says whether all went as they should.
func run(ctx context.Context, mode, prefix string) (bool, error) {
	var c *clients
	var err error
	switch mode {
	case "placeholder", "https", "refused":
		c, err = connect(ctx, prefix)
	case "unsigned":
		c, err = connectUnsigned(ctx, prefix)
	default:
		err = fmt.Errorf("unknown mode %q: placeholder, unsigned, https or refused", mode)
	}
	if err != nil {
		return false, err
	}
	passed := true
	if mode == "refused" {
		for _, step := range refused {
			if err := step.do(c, ctx); err != nil {
				fmt.Printf("refused %s: %s\n", step.name, oneLine(err))
			} else {
				fmt.Printf("fail %s: it was not refused\n", step.name)
				passed = false
			}
		}
		return passed, nil
	}
	for _, step := range steps {
		if err := step.do(c, ctx); err != nil {
			fmt.Printf("fail %s: %s\n", step.name, oneLine(err))
			passed = false
		} else {
			fmt.Printf("ok %s\n", step.name)
		}
	}
	return passed, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client placeholder|unsigned|https|refused PREFIX")
		os.Exit(2)
	}
	passed, err := run(context.Background(), os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !passed {
		os.Exit(1)
	}
}
