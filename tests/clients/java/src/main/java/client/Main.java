package client;

import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sts.StsClient;

/**
 * The AWS SDK for Java 2, as its users write it. {@code client MODE PREFIX}; the steps are those of every client in
 * this folder.
 */
public final class Main {
    static final String REGION = "eu-west-1";

    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    /** Where the clients' settings come from. */
    private enum Settings {
        /** AWS_ENDPOINT_URL, AWS_REGION and keys. */
        ENVIRONMENT,
        /** Nothing is signed, in plain http. The SDK's HTTP clients read HTTP_PROXY by themselves. */
        UNSIGNED;

        <B extends AwsClientBuilder<B, C>, C> C client(B builder, String service) {
            if (this == UNSIGNED) {
                builder.credentialsProvider(AnonymousCredentialsProvider.create())
                        .endpointOverride(URI.create("http://" + service + "." + REGION + ".amazonaws.com"));
            }
            return builder.build();
        }
    }

    @FunctionalInterface
    interface Step {
        void run() throws Exception;
    }

    private Main() {}

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            System.err.println("usage: client placeholder|unsigned|https|refused PREFIX");
            System.exit(2);
        }
        String prefix = arguments[1];
        boolean passed =
                switch (arguments[0]) {
                    case "placeholder", "https" -> allPass(steps(Settings.ENVIRONMENT, prefix));
                    case "unsigned" -> allPass(steps(Settings.UNSIGNED, prefix));
                    case "refused" -> allAreRefused(refused(Settings.ENVIRONMENT));
                    default -> throw new IllegalArgumentException("unknown mode " + arguments[0]);
                };
        System.exit(passed ? 0 : 1);
    }

    private static Map<String, Step> steps(Settings settings, String prefix) {
        S3Client s3 = settings.client(S3Client.builder(), "s3");
        // Uploads large objects in parts; the transfer manager is a layer above it.
        S3AsyncClient uploads = settings.client(S3AsyncClient.builder().multipartEnabled(true), "s3");
        S3Steps bucket = new S3Steps(s3, uploads, prefix + "-bucket");
        ServiceSteps services = new ServiceSteps(prefix);
        DynamoDbClient dynamoDb = settings.client(DynamoDbClient.builder(), "dynamodb");
        SqsClient sqs = settings.client(SqsClient.builder(), "sqs");
        SnsClient sns = settings.client(SnsClient.builder(), "sns");
        SecretsManagerClient secrets = settings.client(SecretsManagerClient.builder(), "secretsmanager");
        KmsClient kms = settings.client(KmsClient.builder(), "kms");
        LambdaClient lambda = settings.client(LambdaClient.builder(), "lambda");
        StsClient sts = settings.client(StsClient.builder(), "sts");

        Map<String, Step> steps = new LinkedHashMap<>();
        steps.put("s3_list", bucket::list);
        steps.put("s3_keys", bucket::keys);
        steps.put("s3_multipart", bucket::multipart);
        // The asynchronous client cannot do it unsigned: it sends CONNECT to every proxy, for plain http too.
        steps.put("s3_upload", settings == Settings.UNSIGNED ? bucket::uploadInOnePut : bucket::upload);
        steps.put("s3_stream", bucket::stream);
        steps.put("s3_copy", bucket::copy);
        steps.put("s3_delete", bucket::delete);
        steps.put("dynamodb", () -> services.dynamoDb(dynamoDb));
        steps.put("sqs", () -> services.sqs(sqs));
        steps.put("sns", () -> services.sns(sns));
        steps.put("secretsmanager", () -> services.secretsManager(secrets));
        steps.put("kms", () -> services.kms(kms));
        steps.put("lambda", () -> services.lambda(lambda));
        steps.put("sts", () -> services.sts(sts));
        return steps;
    }

    private static Map<String, Step> refused(Settings settings) {
        Map<String, Step> steps = new LinkedHashMap<>();
        steps.put("s3", () -> settings.client(S3Client.builder(), "s3").listBuckets());
        steps.put("dynamodb", () -> settings.client(DynamoDbClient.builder(), "dynamodb").listTables());
        steps.put("sqs", () -> settings.client(SqsClient.builder(), "sqs").listQueues());
        return steps;
    }

    private static boolean allPass(Map<String, Step> steps) {
        boolean passed = true;
        for (Map.Entry<String, Step> step : steps.entrySet()) {
            try {
                step.getValue().run();
                OUT.println("ok " + step.getKey());
            } catch (Exception error) { // whatever it is, the other steps go on
                OUT.println("fail " + step.getKey() + ": " + oneLine(error));
                passed = false;
            }
        }
        return passed;
    }

    private static boolean allAreRefused(Map<String, Step> steps) {
        boolean passed = true;
        for (Map.Entry<String, Step> step : steps.entrySet()) {
            try {
                step.getValue().run();
                OUT.println("fail " + step.getKey() + ": it was not refused");
                passed = false;
            } catch (SdkException error) {
                OUT.println("refused " + step.getKey() + ": " + oneLine(error));
            } catch (Exception error) {
                OUT.println("fail " + step.getKey() + ": " + oneLine(error));
                passed = false;
            }
        }
        return passed;
    }

    private static String oneLine(Exception error) {
        return error.toString().replaceAll("\\s+", " ");
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }
}
