package program;

import com.amazonaws.ClientConfiguration;
import com.amazonaws.Protocol;
import com.amazonaws.auth.AWSCredentials;
import com.amazonaws.auth.AWSCredentialsProvider;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.AnonymousAWSCredentials;
import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.client.builder.AwsClientBuilder;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDB;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBClientBuilder;
import com.amazonaws.services.dynamodbv2.model.AttributeDefinition;
import com.amazonaws.services.dynamodbv2.model.AttributeValue;
import com.amazonaws.services.dynamodbv2.model.BillingMode;
import com.amazonaws.services.dynamodbv2.model.CreateTableRequest;
import com.amazonaws.services.dynamodbv2.model.KeySchemaElement;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.model.DeleteObjectsRequest;
import com.amazonaws.services.s3.model.S3ObjectSummary;
import com.amazonaws.services.s3.transfer.TransferManager;
import com.amazonaws.services.s3.transfer.TransferManagerBuilder;
import com.amazonaws.services.sqs.AmazonSQS;
import com.amazonaws.services.sqs.AmazonSQSClientBuilder;
import com.amazonaws.services.sqs.model.Message;
import java.io.File;
import java.net.URI;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A small service on the SDK for Java 1. `WAY PREFIX` */
public final class Main {
    private final String way;
    private final String prefix;

    private Main(String way, String prefix) {
        this.way = way;
        this.prefix = prefix;
    }

    public static void main(String[] arguments) {
        Main main = new Main(arguments[0], arguments[1]);
        try {
            main.objects();
            main.table();
            main.queue();
        } catch (Exception | AssertionError error) {
            error.printStackTrace();
            // Its threads would go on.
            System.exit(1);
        }
    }

    /** With https it has one of its own. */
    private <B extends AwsClientBuilder<B, C>, C> B at(B builder, String service) {
        builder.withCredentials(credentials());
        if (way.equals("https")) {
            return builder;
        }
        return builder.withEndpointConfiguration(endpoint(service)).withClientConfiguration(configuration());
    }

    private EndpointConfiguration endpoint(String service) {
        String url = way.equals("endpoint")
                ? System.getenv("AWS_ENDPOINT_URL")
                : "http://" + service + ".eu-west-1.amazonaws.com";
        return new EndpointConfiguration(url, System.getenv("AWS_REGION"));
    }

    private AWSCredentialsProvider credentials() {
        AWSCredentials anonymous = new AnonymousAWSCredentials();
        return way.equals("unsigned")
                ? new AWSStaticCredentialsProvider(anonymous)
                : DefaultAWSCredentialsProviderChain.getInstance();
    }

    private ClientConfiguration configuration() {
        ClientConfiguration configuration = new ClientConfiguration().withProtocol(Protocol.HTTP).withMaxErrorRetry(0);
        if (way.equals("endpoint")) {
            return configuration;
        }
        // Its variables are those of https without this.
        URI proxy = URI.create(System.getenv("HTTP_PROXY"));
        return configuration.withProxyHost(proxy.getHost()).withProxyPort(proxy.getPort());
    }

    private void objects() throws Exception {
        AmazonS3 s3 = at(AmazonS3ClientBuilder.standard(), "s3")
                .withPathStyleAccessEnabled(!way.equals("https"))
                .build();
        byte[] large = new byte[12 << 20];
        new Random().nextBytes(large);
        File file = new File("large");
        Files.write(file.toPath(), large);
        TransferManager transfers = TransferManagerBuilder.standard()
                .withS3Client(s3)
                // By parts it would read: the emulator gives the whole object for each of them.
                .withDisableParallelDownloads(true)
                .withMultipartUploadThreshold(5L << 20)
                .withMinimumUploadPartSize(5L << 20)
                .build();
        transfers.upload(prefix, "large", file).waitForCompletion();
        File back = new File("back");
        transfers.download(prefix, "large", back).waitForCompletion();
        check("large", Arrays.equals(Files.readAllBytes(back.toPath()), large), true);
        transfers.shutdownNow(false);
        s3.putObject(prefix, "dir//ä +%2F.txt", "odd");
        check("odd", s3.getObjectAsString(prefix, "dir//ä +%2F.txt"), "odd");
        s3.copyObject(prefix, "dir//ä +%2F.txt", prefix, "copy");
        List<String> keys = keys(s3);
        check("keys", keys, List.of("copy", "dir//ä +%2F.txt", "large"));
        s3.deleteObjects(new DeleteObjectsRequest(prefix).withKeys(keys.toArray(new String[0])));
        check("left", keys(s3), List.of());
    }

    private List<String> keys(AmazonS3 s3) {
        return s3.listObjectsV2(prefix).getObjectSummaries().stream().map(S3ObjectSummary::getKey).toList();
    }

    private void table() {
        AmazonDynamoDB dynamodb = at(AmazonDynamoDBClientBuilder.standard(), "dynamodb").build();
        dynamodb.createTable(new CreateTableRequest()
                .withTableName(prefix)
                .withBillingMode(BillingMode.PAY_PER_REQUEST)
                .withAttributeDefinitions(new AttributeDefinition("id", "S"))
                .withKeySchema(new KeySchemaElement("id", "HASH")));
        Map<String, AttributeValue> key = Map.of("id", new AttributeValue("1"));
        dynamodb.putItem(prefix, Map.of("id", new AttributeValue("1"), "text", new AttributeValue("世界")));
        check("item", dynamodb.getItem(prefix, key).getItem().get("text").getS(), "世界");
    }

    private void queue() {
        AmazonSQS sqs = at(AmazonSQSClientBuilder.standard(), "sqs").build();
        // It sends to the queue's own URL, which is https.
        String url = sqs.createQueue(prefix).getQueueUrl();
        if (!way.equals("https")) {
            url = endpoint("sqs").getServiceEndpoint() + URI.create(url).getPath();
        }
        sqs.sendMessage(url, "Grüße");
        Message message = sqs.receiveMessage(url).getMessages().get(0);
        check("message", message.getBody(), "Grüße");
        sqs.deleteMessage(url, message.getReceiptHandle());
    }

    private static void check(String what, Object found, Object expected) {
        if (!found.equals(expected)) {
            throw new AssertionError(what + ": " + found + ", expected " + expected);
        }
    }
}
