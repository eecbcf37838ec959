import java.net.URL;
import java.time.Duration;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** What a web application makes with the SDK: a line of JSON for each thing that somebody else sends. */
public final class Presign {
    public static void main(String[] arguments) throws Exception {
        Duration lifetime = Duration.ofMinutes(10);
        String key = "a/b +ä.txt";
        try (S3Presigner presigner = S3Presigner.create()) {
            URL put = SigV4EgressPresigner.url(presigner.presignPutObject(request -> request
                .signatureDuration(lifetime)
                .putObjectRequest(object -> object.bucket("reports").key(key).contentType("text/plain"))));
            System.out.printf("{\"method\": \"PUT\", \"url\": \"%s\", \"headers\": {\"content-type\": \"text/plain\"}, "
                + "\"body\": \"content\"}%n", put);
            URL get = SigV4EgressPresigner.url(presigner.presignGetObject(request -> request
                .signatureDuration(lifetime)
                .getObjectRequest(object -> object.bucket("reports").key(key))));
            System.out.printf("{\"method\": \"GET\", \"url\": \"%s\"}%n", get);
        }
    }
}
