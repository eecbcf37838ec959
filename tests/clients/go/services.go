package main

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const text = "Grüße & <Welt>, 世界 😀"

func (c *clients) useDynamoDB(ctx context.Context) error {
	table := aws.String(c.prefix + "-table")
	id := &types.AttributeValueMemberS{Value: "1"}
	item := map[string]types.AttributeValue{"id": id, "text": &types.AttributeValueMemberS{Value: text}}
	_, err := c.dynamodb.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   table,
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS},
		},
	})
	if err != nil {
		return err
	}
	exists := dynamodb.NewTableExistsWaiter(c.dynamodb)
	if err := exists.Wait(ctx, &dynamodb.DescribeTableInput{TableName: table}, time.Minute); err != nil {
		return err
	}
	if _, err := c.dynamodb.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item}); err != nil {
		return err
	}
	got, err := c.dynamodb.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: table,
		Key:       map[string]types.AttributeValue{"id": id},
	})
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(got.Item, item) {
		return fmt.Errorf("got another item: %v", got.Item)
	}
	found, err := c.dynamodb.Query(ctx, &dynamodb.QueryInput{
		TableName:                 table,
		KeyConditionExpression:    aws.String("id = :id"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":id": id},
	})
	if err != nil {
		return err
	}
	if len(found.Items) != 1 || !reflect.DeepEqual(found.Items[0], item) {
		return fmt.Errorf("the query found %v", found.Items)
	}
	_, err = c.dynamodb.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: table})
	return err
}

func (c *clients) useSQS(ctx context.Context) error {
	queue, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(c.prefix + "-queue")})
	if err != nil {
		return err
	}
	_, err = c.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String(text)})
	if err != nil {
		return err
	}
	received, err := c.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 1})
	if err != nil {
		return err
	}
	if len(received.Messages) != 1 || *received.Messages[0].Body != text {
		return fmt.Errorf("received %d messages, not the one sent", len(received.Messages))
	}
	_, err = c.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{
		QueueUrl:      queue.QueueUrl,
		ReceiptHandle: received.Messages[0].ReceiptHandle,
	})
	if err != nil {
		return err
	}
	_, err = c.sqs.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: queue.QueueUrl})
	return err
}

func (c *clients) useSNS(ctx context.Context) error {
	topic, err := c.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(c.prefix + "-topic")})
	if err != nil {
		return err
	}
	published, err := c.sns.Publish(ctx, &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String(text)})
	if err != nil {
		return err
	}
	if aws.ToString(published.MessageId) == "" {
		return fmt.Errorf("the message was published without an id")
	}
	_, err = c.sns.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: topic.TopicArn})
	return err
}

func (c *clients) useSecretsManager(ctx context.Context) error {
	name := aws.String(c.prefix + "/secret")
	_, err := c.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: name, SecretString: aws.String(text)})
	if err != nil {
		return err
	}
	secret, err := c.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	if err != nil {
		return err
	}
	if *secret.SecretString != text {
		return fmt.Errorf("the secret is another one")
	}
	_, err = c.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId:                   name,
		ForceDeleteWithoutRecovery: aws.Bool(true),
	})
	return err
}

func (c *clients) useKMS(ctx context.Context) error {
	key, err := c.kms.CreateKey(ctx, &kms.CreateKeyInput{})
	if err != nil {
		return err
	}
	encrypted, err := c.kms.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyMetadata.KeyId, Plaintext: []byte(text)})
	if err != nil {
		return err
	}
	decrypted, err := c.kms.Decrypt(ctx, &kms.DecryptInput{
		KeyId:          key.KeyMetadata.KeyId,
		CiphertextBlob: encrypted.CiphertextBlob,
	})
	if err != nil {
		return err
	}
	if !bytes.Equal(decrypted.Plaintext, []byte(text)) {
		return fmt.Errorf("decrypted to %q", decrypted.Plaintext)
	}
	return nil
}

func (c *clients) useLambda(ctx context.Context) error {
	answer, err := c.lambda.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String("echo"),
		Payload:      []byte(`{"text": "Grüße"}`),
	})
	if err != nil {
		return err
	}
	if answer.StatusCode != 200 {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

func (c *clients) useSTS(ctx context.Context) error {
	caller, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return err
	}
	if !strings.Contains(*caller.Arn, "assumed-role/") {
		return fmt.Errorf("the caller is %s", *caller.Arn)
	}
	return nil
}
