// getSignedUrl and createPresignedPost of the AWS SDK for JavaScript 3, signed by sigv4-egress: import them from this file in
// place of "@aws-sdk/s3-request-presigner" and "@aws-sdk/s3-presigned-post". The clients have placeholder keys.

import { getSignedUrl as presignedUrl } from "@aws-sdk/s3-request-presigner";
import { createPresignedPost as presignedPost } from "@aws-sdk/s3-presigned-post";

const address = process.env.SIGV4_EGRESS_PRESIGN ?? "http://127.0.0.1:9911/presign";

/** Has one signed: `asked` has `url`, `token` or `form`, as docs/presign.md says. */
export async function exchange(asked) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "x-sigv4-egress": "1" },
    body: JSON.stringify(asked),
  });
  if (!answer.ok) throw new Error(`not presigned: ${await answer.text()}`);
  return answer.json();
}

export async function getSignedUrl(client, command, options) {
  let sent;
  const look = (next) => (seen) => {
    sent = seen.request;
    return next(seen);
  };
  // What is signed besides the host stands in no URL; the request has it.
  command.middlewareStack.add(look, { step: "build", priority: "low", name: "sigv4EgressLook", override: true });
  const url = await presignedUrl(client, command, options);
  const names = (new URL(url).searchParams.get("X-Amz-SignedHeaders") ?? "").split(";");
  const signed = Object.entries(sent.headers).filter(
    ([name]) => name.toLowerCase() !== "host" && names.includes(name.toLowerCase()),
  );
  const answer = await exchange({ url, method: sent.method, headers: Object.fromEntries(signed) });
  return answer.url;
}

export async function createPresignedPost(client, options) {
  const { url, fields } = await presignedPost(client, options);
  return (await exchange({ form: { url, fields } })).form;
}
