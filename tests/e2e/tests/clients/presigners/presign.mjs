// What a web application makes with the SDK: a line of JSON for each thing that somebody else sends.

import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { createPresignedPost, getSignedUrl } from "./sigv4-egress-presign.mjs";

const client = new S3Client({ requestChecksumCalculation: "WHEN_REQUIRED" });
const place = { Bucket: "reports", Key: "a/b +ä.txt" };
const show = (one) => console.log(JSON.stringify(one));

const put = new PutObjectCommand({ ...place, ContentType: "text/plain" });
show({
  method: "PUT",
  url: await getSignedUrl(client, put, { expiresIn: 600, signableHeaders: new Set(["content-type"]) }),
  headers: { "content-type": "text/plain" },
  body: "content",
});
show({ method: "GET", url: await getSignedUrl(client, new GetObjectCommand(place)) });
show(
  await createPresignedPost(client, {
    Bucket: "reports",
    Key: "form.txt",
    Conditions: [["content-length-range", 0, 100]],
    Expires: 600,
  }),
);
