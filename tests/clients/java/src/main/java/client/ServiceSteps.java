package client;

import static client.Main.check;

import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sts.StsClient;

/** The steps with one service each. */
record ServiceSteps(String prefix) {
    private static final String TEXT = "Grüße & <Welt>, 世界 😀";

    void dynamoDb(DynamoDbClient dynamoDb) {
        String table = prefix + "-table";
        AttributeValue id = AttributeValue.fromS("1");
        Map<String, AttributeValue> item = Map.of("id", id, "text", AttributeValue.fromS(TEXT));
        dynamoDb.createTable(
                create ->
                        create.tableName(table)
                                .billingMode(BillingMode.PAY_PER_REQUEST)
                                .keySchema(key -> key.attributeName("id").keyType(KeyType.HASH))
                                .attributeDefinitions(
                                        key -> key.attributeName("id").attributeType(ScalarAttributeType.S)));
        dynamoDb.waiter().waitUntilTableExists(wait -> wait.tableName(table));
        dynamoDb.putItem(put -> put.tableName(table).item(item));
        check(
                dynamoDb.getItem(get -> get.tableName(table).key(Map.of("id", id))).item().equals(item),
                "got another item");
        check(
                dynamoDb
                        .query(
                                query ->
                                        query.tableName(table)
                                                .keyConditionExpression("id = :id")
                                                .expressionAttributeValues(Map.of(":id", id)))
                        .items()
                        .equals(List.of(item)),
                "the query found other items");
        dynamoDb.deleteTable(delete -> delete.tableName(table));
    }

    void sqs(SqsClient sqs) {
        String queue = sqs.createQueue(create -> create.queueName(prefix + "-queue")).queueUrl();
        sqs.sendMessage(send -> send.queueUrl(queue).messageBody(TEXT));
        List<Message> messages = sqs.receiveMessage(receive -> receive.queueUrl(queue).waitTimeSeconds(1)).messages();
        check(messages.size() == 1 && messages.get(0).body().equals(TEXT), "received " + messages);
        sqs.deleteMessage(delete -> delete.queueUrl(queue).receiptHandle(messages.get(0).receiptHandle()));
        sqs.deleteQueue(delete -> delete.queueUrl(queue));
    }

    void sns(SnsClient sns) {
        String topic = sns.createTopic(create -> create.name(prefix + "-topic")).topicArn();
        check(
                sns.publish(publish -> publish.topicArn(topic).message(TEXT)).messageId() != null,
                "the message was published without an id");
        sns.deleteTopic(delete -> delete.topicArn(topic));
    }

    void secretsManager(SecretsManagerClient secrets) {
        String name = prefix + "/secret";
        secrets.createSecret(create -> create.name(name).secretString(TEXT));
        check(
                secrets.getSecretValue(get -> get.secretId(name)).secretString().equals(TEXT),
                "the secret is another one");
        secrets.deleteSecret(delete -> delete.secretId(name).forceDeleteWithoutRecovery(true));
    }

    void kms(KmsClient kms) {
        String key = kms.createKey().keyMetadata().keyId();
        SdkBytes plaintext = SdkBytes.fromUtf8String(TEXT);
        SdkBytes encrypted = kms.encrypt(encrypt -> encrypt.keyId(key).plaintext(plaintext)).ciphertextBlob();
        check(
                kms.decrypt(decrypt -> decrypt.keyId(key).ciphertextBlob(encrypted)).plaintext().equals(plaintext),
                "decrypted to something else");
    }

    void lambda(LambdaClient lambda) {
        int status =
                lambda.invoke(
                                invoke ->
                                        invoke.functionName("echo")
                                                .payload(SdkBytes.fromUtf8String("{\"text\": \"Grüße\"}")))
                        .statusCode();
        check(status == 200, "status " + status);
    }

    void sts(StsClient sts) {
        String arn = sts.getCallerIdentity().arn();
        check(arn.contains("assumed-role/"), "the caller is " + arn);
    }
}
