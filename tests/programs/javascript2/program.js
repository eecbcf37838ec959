// A small service on the SDK for JavaScript 2. `program.js WAY PREFIX`
import http from "node:http";
import AWS from "aws-sdk";

const [way, prefix] = process.argv.slice(2);

// Sends plain http by its proxy; the SDK reads no variable for it.
class ProxyAgent extends http.Agent {
  addRequest(request, options) {
    const proxy = new URL(process.env.HTTP_PROXY);
    request.path = `http://${options.host}${request.path}`;
    super.addRequest(request, { ...options, host: proxy.hostname, port: proxy.port });
  }
}

function options(service) {
  if (way === "https") return {};
  if (way === "endpoint") {
    return { endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true };
  }
  // The queue's own URL is https; without this it is dialled.
  return { endpoint: `http://${service}.eu-west-1.amazonaws.com`, httpOptions: { agent: new ProxyAgent() } };
}

function check(what, found, expected) {
  if (found !== expected) throw new Error(`${what}: ${found}, expected ${expected}`);
}

async function objects() {
  const s3 = new AWS.S3(options("s3"));
  const Bucket = prefix;
  const body = Buffer.alloc(12 << 20, "Grüße ");
  for (const [Key, Body] of [["dir//ä +%2F.txt", Buffer.from("odd")], ["parts", body]]) {
    await s3.upload({ Bucket, Key, Body }, { partSize: 5 << 20 }).promise();
    const found = await s3.getObject({ Bucket, Key }).promise();
    check(Key, Buffer.compare(found.Body, Body), 0);
  }
  await s3.copyObject({ Bucket, Key: "copy", CopySource: encodeURI(`/${Bucket}/parts`) }).promise();
  const listed = await s3.listObjectsV2({ Bucket }).promise();
  const keys = listed.Contents.map(({ Key }) => Key);
  check("keys", keys.join(), "copy,dir//ä +%2F.txt,parts");
  await s3.deleteObjects({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }).promise();
  check("left", (await s3.listObjectsV2({ Bucket }).promise()).Contents.length, 0);
}

async function table() {
  const dynamodb = new AWS.DynamoDB(options("dynamodb"));
  const TableName = `${prefix}-table`;
  await dynamodb.createTable({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  }).promise();
  const documents = new AWS.DynamoDB.DocumentClient({ service: dynamodb });
  await documents.put({ TableName, Item: { id: "1", text: "世界" } }).promise();
  check("item", (await documents.get({ TableName, Key: { id: "1" } }).promise()).Item.text, "世界");
}

async function queue() {
  const sqs = new AWS.SQS(options("sqs"));
  const { QueueUrl } = await sqs.createQueue({ QueueName: `${prefix}-queue` }).promise();
  const own = new URL(QueueUrl);
  if (way !== "https") {
    // It sends to the queue's URL, whatever its endpoint is.
    const base = new URL(options("sqs").endpoint);
    own.protocol = base.protocol;
    own.host = base.host;
  }
  await sqs.sendMessage({ QueueUrl: own.href, MessageBody: "Grüße" }).promise();
  const received = await sqs.receiveMessage({ QueueUrl: own.href }).promise();
  check("message", received.Messages[0].Body, "Grüße");
  await sqs.deleteMessage({ QueueUrl: own.href, ReceiptHandle: received.Messages[0].ReceiptHandle }).promise();
}

AWS.config.update({ region: process.env.AWS_REGION });
await objects();
await table();
await queue();
