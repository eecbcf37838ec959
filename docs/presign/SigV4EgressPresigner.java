import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.awscore.presigner.PresignedRequest;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;

/**
 * What a presigner of the AWS SDK for Java 2 with placeholder keys has made, signed by sigv4-egress:
 *
 * <pre>URL url = SigV4EgressPresigner.url(s3Presigner.presignGetObject(request));</pre>
 */
public final class SigV4EgressPresigner {
    private static final String ADDRESS =
        System.getenv().getOrDefault("SIGV4_EGRESS_PRESIGN", "http://127.0.0.1:9911/presign");
    private static final HttpClient CLIENT =
        HttpClient.newBuilder().proxy(ProxySelector.of(null)).version(HttpClient.Version.HTTP_1_1).build();

    private SigV4EgressPresigner() {}

    /** The URL, signed. Whoever sends it sends the request's signed headers, as ever. */
    public static URL url(PresignedRequest presigned) throws IOException, InterruptedException {
        JsonWriter asked = JsonWriter.create().writeStartObject();
        asked.writeFieldName("url").writeValue(presigned.url().toString());
        asked.writeFieldName("method").writeValue(presigned.httpRequest().method().name());
        asked.writeFieldName("headers").writeStartObject();
        for (Map.Entry<String, List<String>> header : presigned.signedHeaders().entrySet()) {
            if (!header.getKey().equalsIgnoreCase("host")) {
                asked.writeFieldName(header.getKey()).writeValue(String.join(",", header.getValue()));
            }
        }
        asked.writeEndObject().writeEndObject();
        HttpRequest request = HttpRequest.newBuilder(URI.create(ADDRESS))
            .header("x-sigv4-egress", "1")
            .POST(HttpRequest.BodyPublishers.ofByteArray(asked.getBytes()))
            .build();
        HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException("not presigned: " + answer.body());
        }
        return URI.create(JsonNode.parser().parse(answer.body()).field("url").get().asString()).toURL();
    }
}
