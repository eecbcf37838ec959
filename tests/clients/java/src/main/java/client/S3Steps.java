package client;

import static client.Main.check;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.DeleteObjectsResponse;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.model.UploadPartResponse;

/** The steps with one bucket. */
record S3Steps(S3Client s3, S3AsyncClient uploads, String bucket) {
    private static final int KIB = 1 << 10;
    private static final int MIB = 1 << 20;

    void list() {
        s3.createBucket(
                create ->
                        create.bucket(bucket)
                                .createBucketConfiguration(location -> location.locationConstraint(Main.REGION)));
        check(
                s3.listBuckets().buckets().stream().anyMatch(found -> found.name().equals(bucket)),
                "the bucket is not in the list");
    }

    /** Tries every key, so that one report names all that fail. */
    void keys() throws IOException {
        List<String> keys = difficultKeys();
        List<String> failed = new ArrayList<>();
        for (String key : keys) {
            byte[] body = ("body of " + key).getBytes(StandardCharsets.UTF_8);
            try {
                put(key, body);
                checkBody(key, body);
            } catch (SdkException | IllegalStateException error) {
                failed.add(key + ": " + error.getMessage());
            }
        }
        List<String> listed = listed();
        keys.stream().filter(key -> !listed.contains(key)).forEach(key -> failed.add(key + " is not in the list"));
        check(failed.isEmpty(), String.join("; ", failed));
    }

    void multipart() {
        String key = "multipart";
        byte[] body = random(5 * MIB + KIB);
        List<byte[]> parts =
                List.of(Arrays.copyOfRange(body, 0, 5 * MIB), Arrays.copyOfRange(body, 5 * MIB, body.length));
        String id = s3.createMultipartUpload(create -> create.bucket(bucket).key(key)).uploadId();
        List<CompletedPart> completed = new ArrayList<>();
        for (byte[] part : parts) {
            int number = completed.size() + 1;
            UploadPartResponse uploaded =
                    s3.uploadPart(
                            upload -> upload.bucket(bucket).key(key).uploadId(id).partNumber(number),
                            RequestBody.fromBytes(part));
            completed.add(
                    CompletedPart.builder()
                            .partNumber(number)
                            .eTag(uploaded.eTag())
                            .checksumCRC32(uploaded.checksumCRC32())
                            .build());
        }
        s3.completeMultipartUpload(
                complete -> complete.bucket(bucket).key(key).uploadId(id).multipartUpload(all -> all.parts(completed)));
        checkBody(key, body);
    }

    void upload() {
        byte[] body = random(64 * MIB);
        uploads.putObject(put -> put.bucket(bucket).key("upload"), AsyncRequestBody.fromBytes(body)).join();
        checkBody("upload", body);
    }

    void uploadInOnePut() {
        byte[] body = random(64 * MIB);
        put("upload", body);
        checkBody("upload", body);
    }

    /** From a stream that cannot be reset. */
    void stream() {
        byte[] body = random(300 * KIB);
        InputStream once =
                new ByteArrayInputStream(body) {
                    @Override
                    public boolean markSupported() {
                        return false;
                    }
                };
        s3.putObject(put -> put.bucket(bucket).key("stream"), RequestBody.fromInputStream(once, body.length));
        checkBody("stream", body);
    }

    void copy() {
        String key = "copy/50% of ünïcode";
        byte[] body = "to be copied".getBytes(StandardCharsets.UTF_8);
        put(key, body);
        s3.copyObject(
                copy ->
                        copy.sourceBucket(bucket)
                                .sourceKey(key)
                                .destinationBucket(bucket)
                                .destinationKey(key + " again"));
        checkBody(key + " again", body);
    }

    void delete() {
        List<ObjectIdentifier> objects =
                listed().stream().map(key -> ObjectIdentifier.builder().key(key).build()).toList();
        DeleteObjectsResponse deleted =
                s3.deleteObjects(delete -> delete.bucket(bucket).delete(all -> all.objects(objects)));
        check(!deleted.hasErrors(), "not deleted: " + deleted.errors());
        s3.deleteBucket(delete -> delete.bucket(bucket));
    }

    private void put(String key, byte[] body) {
        s3.putObject(put -> put.bucket(bucket).key(key), RequestBody.fromBytes(body));
    }

    private void checkBody(String key, byte[] body) {
        byte[] got = s3.getObjectAsBytes(get -> get.bucket(bucket).key(key)).asByteArrayUnsafe();
        check(got.length == body.length, key + " has " + got.length + " bytes, not " + body.length);
        check(Arrays.equals(got, body), key + " has another body");
    }

    /** In pages of a few keys; the SDK decodes what the encoding type asks for. */
    private List<String> listed() {
        return s3
                .listObjectsV2Paginator(list -> list.bucket(bucket).encodingType(EncodingType.URL).maxKeys(7))
                .contents()
                .stream()
                .map(S3Object::key)
                .toList();
    }

    private static List<String> difficultKeys() throws IOException {
        return Files.readAllLines(Path.of(System.getenv("DIFFICULT_KEYS"))).stream()
                .map(line -> JsonNode.parser().parse(line).asString())
                .toList();
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random().nextBytes(bytes);
        return bytes;
    }
}
