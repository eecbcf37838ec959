package program;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.Path;

/** Files on S3A, as jobs of Hadoop and Spark keep them. `WAY BUCKET` */
public final class Main {
    public static void main(String[] arguments) {
        try {
            work(arguments[0], arguments[1]);
            System.exit(0);
        } catch (Exception | AssertionError error) {
            error.printStackTrace();
            // Its threads would go on.
            System.exit(1);
        }
    }

    private static Configuration configuration(String way) {
        Configuration configuration = new Configuration();
        configuration.set("fs.s3a.endpoint.region", System.getenv("AWS_REGION"));
        configuration.set("fs.s3a.multipart.size", "5M");
        configuration.set("fs.s3a.multipart.threshold", "5M");
        configuration.set("fs.s3a.retry.limit", "1");
        configuration.set("fs.s3a.attempts.maximum", "1");
        if (way.equals("https")) {
            return configuration;
        }
        if (way.equals("endpoint")) {
            configuration.set("fs.s3a.endpoint", System.getenv("AWS_ENDPOINT_URL"));
            configuration.set("fs.s3a.path.style.access", "true");
            return configuration;
        }
        URI proxy = URI.create(System.getenv("HTTP_PROXY"));
        configuration.set("fs.s3a.endpoint", "http://s3.eu-west-1.amazonaws.com");
        configuration.set("fs.s3a.connection.ssl.enabled", "false");
        configuration.set("fs.s3a.proxy.host", proxy.getHost());
        configuration.setInt("fs.s3a.proxy.port", proxy.getPort());
        if (way.equals("unsigned")) {
            configuration.set(
                    "fs.s3a.aws.credentials.provider",
                    "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider");
        }
        return configuration;
    }

    private static void work(String way, String bucket) throws IOException {
        FileSystem files = FileSystem.get(URI.create("s3a://" + bucket), configuration(way));
        byte[] large = new byte[12 << 20];
        new Random().nextBytes(large);
        write(files, "/dir/odd ä +.txt", "odd".getBytes(StandardCharsets.UTF_8));
        write(files, "/dir/large", large);
        check("large", Arrays.equals(read(files, "/dir/large"), large), true);
        check("odd", new String(read(files, "/dir/odd ä +.txt"), StandardCharsets.UTF_8), "odd");
        check("rename", files.rename(new Path("/dir"), new Path("/renamed")), true);
        FileStatus[] found = files.listStatus(new Path("/renamed"));
        List<String> names = Stream.of(found).map(status -> status.getPath().getName()).sorted().toList();
        check("names", names, List.of("large", "odd ä +.txt"));
        check("size", files.getFileStatus(new Path("/renamed/large")).getLen(), (long) large.length);
        check("copy", FileUtil.copy(files, new Path("/renamed/large"), files, new Path("/copy"), false, files.getConf()), true);
        check("delete", files.delete(new Path("/renamed"), true), true);
        java.nio.file.Path local = java.nio.file.Path.of("local");
        java.nio.file.Files.write(local, large);
        files.copyFromLocalFile(new Path(local.toUri()), new Path("/copied"));
        check("copied", Arrays.equals(read(files, "/copied"), large), true);
        check("left", files.listStatus(new Path("/")).length, 2);
    }

    private static void write(FileSystem files, String path, byte[] body) throws IOException {
        try (FSDataOutputStream stream = files.create(new Path(path))) {
            stream.write(body);
        }
    }

    private static byte[] read(FileSystem files, String path) throws IOException {
        try (FSDataInputStream stream = files.open(new Path(path))) {
            return stream.readAllBytes();
        }
    }

    private static void check(String what, Object found, Object expected) {
        if (!found.equals(expected)) {
            throw new AssertionError(what + ": " + found + ", expected " + expected);
        }
    }
}
