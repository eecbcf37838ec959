// The SDK for JavaScript v3, as its users write it. `node client.js MODE PREFIX`; the steps are those of every client here.

import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { Readable } from "node:stream";

import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as kms from "@aws-sdk/client-kms";
import * as lambda from "@aws-sdk/client-lambda";
import * as s3 from "@aws-sdk/client-s3";
import * as secretsmanager from "@aws-sdk/client-secrets-manager";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import * as sts from "@aws-sdk/client-sts";
import { Upload } from "@aws-sdk/lib-storage";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const REGION = "eu-west-1";
const [MODE, PREFIX] = process.argv.slice(2);
const BUCKET = `${PREFIX}-bucket`;
const COPIED = "copy/50% of ünïcode";

/** Connects to the proxy instead of the host. */
class ProxyAgent extends Agent {
  createConnection(options, callback) {
    const { hostname: host, port } = new URL(process.env.HTTP_PROXY);
    return super.createConnection({ ...options, host, port }, callback);
  }
}

function settings(service) {
  // Otherwise this SDK sends to the queue's own URL, which is https, whatever endpoint is set.
  const common = service === "sqs" && MODE !== "https" ? { useQueueUrlAsEndpoint: false } : {};
  if (MODE !== "unsigned") return common;
  return {
    ...common,
    endpoint: `http://${service}.${REGION}.amazonaws.com`,
    // It wants keys even where nothing is signed.
    credentials: { accessKeyId: "none", secretAccessKey: "none" },
    signer: { sign: async (request) => request },
    // The SDK knows no proxy by itself.
    requestHandler: new NodeHttpHandler({ httpAgent: new ProxyAgent({ keepAlive: true }) }),
  };
}

function check(what, found, expected) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: expected ${right}, found ${left}`);
}

function difficultKeys() {
  const lines = readFileSync(process.env.DIFFICULT_KEYS, "utf8").split("\n");
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

async function bodyOf(client, Key) {
  const answer = await client.send(new s3.GetObjectCommand({ Bucket: BUCKET, Key }));
  return Buffer.from(await answer.Body.transformToByteArray());
}

/** With `EncodingType: "url"` this SDK leaves the decoding to its user. */
async function keysInBucket(client) {
  const found = [];
  const query = { Bucket: BUCKET, EncodingType: "url" };
  for await (const page of s3.paginateListObjectsV2({ client, pageSize: 7 }, query)) {
    const keys = (page.Contents ?? []).map(({ Key }) => Key);
    found.push(...keys.map((key) => decodeURIComponent(key.replaceAll("+", " "))));
  }
  return found;
}

const S3_STEPS = {
  async s3_list(client) {
    const CreateBucketConfiguration = { LocationConstraint: REGION };
    await client.send(new s3.CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration }));
    const { Buckets } = await client.send(new s3.ListBucketsCommand({}));
    check("in the list", Buckets.some(({ Name }) => Name === BUCKET), true);
  },

  async s3_keys(client) {
    const lost = [];
    for (const Key of difficultKeys()) {
      const body = `body of ${Key}`;
      await client.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key, Body: body }));
      const same = (await bodyOf(client, Key)).toString() === body;
      if (!same || !(await keysInBucket(client)).includes(Key)) lost.push(Key);
    }
    check("lost", lost, []);
  },

  async s3_multipart(client) {
    const parts = [randomBytes(5 << 20), randomBytes(1 << 10)];
    const upload = { Bucket: BUCKET, Key: "multipart" };
    upload.UploadId = (await client.send(new s3.CreateMultipartUploadCommand(upload))).UploadId;
    const Parts = [];
    for (const [index, Body] of parts.entries()) {
      const PartNumber = index + 1;
      const { ETag } = await client.send(new s3.UploadPartCommand({ ...upload, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    await client.send(new s3.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    check("body", (await bodyOf(client, "multipart")).equals(Buffer.concat(parts)), true);
  },

  async s3_upload(client) {
    const body = Buffer.concat(Array(64).fill(randomBytes(1 << 20)));
    await new Upload({ client, params: { Bucket: BUCKET, Key: "upload", Body: body } }).done();
    const got = await bodyOf(client, "upload");
    const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
    check("length", got.length, body.length);
    check("SHA-256", digest(got), digest(body));
  },

  async s3_stream(client) {
    const body = randomBytes(300 << 10);
    const pieces = Array.from({ length: 10 }, (_, n) => body.subarray(n * (30 << 10), (n + 1) * (30 << 10)));
    const put = { Bucket: BUCKET, Key: "stream", Body: Readable.from(pieces), ContentLength: body.length };
    await client.send(new s3.PutObjectCommand(put));
    check("body", (await bodyOf(client, "stream")).equals(body), true);
  },

  async s3_copy(client) {
    await client.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key: COPIED, Body: "to be copied" }));
    const CopySource = encodeURI(`${BUCKET}/${COPIED}`);
    await client.send(new s3.CopyObjectCommand({ Bucket: BUCKET, Key: `${COPIED} again`, CopySource }));
    check("body", (await bodyOf(client, `${COPIED} again`)).toString(), "to be copied");
  },

  async s3_delete(client) {
    const Objects = (await keysInBucket(client)).map((Key) => ({ Key }));
    const { Errors } = await client.send(new s3.DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }));
    check("errors", Errors ?? [], []);
    check("keys", await keysInBucket(client), []);
    await client.send(new s3.DeleteBucketCommand({ Bucket: BUCKET }));
  },
};

const OTHER_STEPS = {
  async dynamodb() {
    const client = new dynamodb.DynamoDBClient(settings("dynamodb"));
    const table = { TableName: `${PREFIX}-table` };
    const id = { S: "1" };
    const item = { id, text: { S: "Grüße, 世界 😀" } };
    const create = {
      ...table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    };
    await client.send(new dynamodb.CreateTableCommand(create));
    await dynamodb.waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, table);
    await client.send(new dynamodb.PutItemCommand({ ...table, Item: item }));
    const { Item } = await client.send(new dynamodb.GetItemCommand({ ...table, Key: { id } }));
    check("text", Item.text, item.text);
    const query = { ...table, KeyConditionExpression: "id = :id", ExpressionAttributeValues: { ":id": id } };
    const { Items } = await client.send(new dynamodb.QueryCommand(query));
    check("texts", Items.map(({ text }) => text), [item.text]);
    await client.send(new dynamodb.DeleteTableCommand(table));
  },

  async sqs() {
    const client = new sqs.SQSClient(settings("sqs"));
    const { QueueUrl } = await client.send(new sqs.CreateQueueCommand({ QueueName: `${PREFIX}-queue` }));
    await client.send(new sqs.SendMessageCommand({ QueueUrl, MessageBody: "Grüße & <Welt>" }));
    const { Messages } = await client.send(new sqs.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
    check("messages", Messages.map(({ Body }) => Body), ["Grüße & <Welt>"]);
    await client.send(new sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
    await client.send(new sqs.DeleteQueueCommand({ QueueUrl }));
  },

  async sns() {
    const client = new sns.SNSClient(settings("sns"));
    const { TopicArn } = await client.send(new sns.CreateTopicCommand({ Name: `${PREFIX}-topic` }));
    const { MessageId } = await client.send(new sns.PublishCommand({ TopicArn, Message: "Grüße & <Welt>" }));
    check("message id", typeof MessageId, "string");
    await client.send(new sns.DeleteTopicCommand({ TopicArn }));
  },

  async secretsmanager() {
    const client = new secretsmanager.SecretsManagerClient(settings("secretsmanager"));
    const SecretId = `${PREFIX}/secret`;
    await client.send(new secretsmanager.CreateSecretCommand({ Name: SecretId, SecretString: "pässword" }));
    const { SecretString } = await client.send(new secretsmanager.GetSecretValueCommand({ SecretId }));
    check("secret", SecretString, "pässword");
    const forced = { SecretId, ForceDeleteWithoutRecovery: true };
    await client.send(new secretsmanager.DeleteSecretCommand(forced));
  },

  async kms() {
    const client = new kms.KMSClient(settings("kms"));
    const { KeyMetadata } = await client.send(new kms.CreateKeyCommand({}));
    const { KeyId } = KeyMetadata;
    const plain = Buffer.from("plain text");
    const { CiphertextBlob } = await client.send(new kms.EncryptCommand({ KeyId, Plaintext: plain }));
    const { Plaintext } = await client.send(new kms.DecryptCommand({ KeyId, CiphertextBlob }));
    check("plain text", Buffer.from(Plaintext).toString(), plain.toString());
  },

  async lambda() {
    const client = new lambda.LambdaClient(settings("lambda"));
    const payload = JSON.stringify({ text: "Grüße" });
    const answer = await client.send(new lambda.InvokeCommand({ FunctionName: "echo", Payload: payload }));
    check("status", answer.StatusCode, 200);
    check("payload", JSON.parse(answer.Payload.transformToString()), { text: "Grüße" });
  },

  async sts() {
    const client = new sts.STSClient(settings("sts"));
    const { Arn } = await client.send(new sts.GetCallerIdentityCommand({}));
    check(`assumed-role/ in ${Arn}`, Arn.includes("assumed-role/"), true);
  },
};

const REFUSED = {
  s3: () => new s3.S3Client(settings("s3")).send(new s3.ListBucketsCommand({})),
  dynamodb: () => new dynamodb.DynamoDBClient(settings("dynamodb")).send(new dynamodb.ListTablesCommand({})),
  sqs: () => new sqs.SQSClient(settings("sqs")).send(new sqs.ListQueuesCommand({})),
};

function oneLine(error) {
  return String(error).split(/\s+/).join(" ");
}

if (MODE === "refused") {
  for (const [name, call] of Object.entries(REFUSED)) {
    const outcome = await call().then(() => `allowed ${name}`, (error) => `refused ${name}: ${oneLine(error)}`);
    console.log(outcome);
  }
} else {
  const client = new s3.S3Client(settings("s3"));
  for (const [name, step] of Object.entries({ ...S3_STEPS, ...OTHER_STEPS })) {
    try {
      await step(client);
      console.log(`ok ${name}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`fail ${name}: ${oneLine(error)}`);
    }
  }
}
