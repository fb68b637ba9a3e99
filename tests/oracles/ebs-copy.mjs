// Reads an EBS snapshot with the vendor's own client into a sparse file, and writes its blocks again as another snapshot.
// Usage: node ebs-copy.mjs ENDPOINT REGION ACCESS_KEY SECRET_KEY SNAPSHOT FILE; prints the id of the copy.
import { createHash, randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import assert from "node:assert/strict";
import { CompleteSnapshotCommand, EBSClient, GetSnapshotBlockCommand, ListSnapshotBlocksCommand, PutSnapshotBlockCommand, StartSnapshotCommand } from "@aws-sdk/client-ebs";

const [endpoint, region, accessKeyId, secretAccessKey, SnapshotId, path] = process.argv.slice(2);
const client = new EBSClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
const digest = (bytes) => createHash("sha256").update(bytes).digest();

const file = await open(path, "w");
const blocks = [];
let NextToken;
let volumeSize;
do {
  const page = await client.send(new ListSnapshotBlocksCommand({ SnapshotId, NextToken, MaxResults: 100 }));
  blocks.push(...page.Blocks);
  ({ NextToken, VolumeSize: volumeSize } = page);
} while (NextToken);

await file.truncate(volumeSize * 2 ** 30);
const copy = await client.send(new StartSnapshotCommand({ VolumeSize: volumeSize, ClientToken: randomBytes(16).toString("hex") }));
const digests = [];
for (const { BlockIndex, BlockToken } of blocks) {
  const answer = await client.send(new GetSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockToken }));
  const bytes = Buffer.from(await answer.BlockData.transformToByteArray());
  assert.equal(digest(bytes).toString("base64"), answer.Checksum);
  await file.write(bytes, 0, bytes.length, BlockIndex * 524288);
  digests.push(digest(bytes));
  await client.send(new PutSnapshotBlockCommand({
    SnapshotId: copy.SnapshotId, BlockIndex, BlockData: bytes, DataLength: bytes.length, Checksum: answer.Checksum, ChecksumAlgorithm: "SHA256",
  }));
}

await file.close();
await client.send(new CompleteSnapshotCommand({
  SnapshotId: copy.SnapshotId, ChangedBlocksCount: blocks.length, Checksum: digest(Buffer.concat(digests)).toString("base64"), ChecksumAlgorithm: "SHA256", ChecksumAggregationMethod: "LINEAR",
}));
for (let poll = 0; ; poll++) {
  try {
    await client.send(new ListSnapshotBlocksCommand({ SnapshotId: copy.SnapshotId, MaxResults: 100 }));
    break;
  } catch (error) {
    if (error.name !== "ValidationException" || poll > 20) throw error;
  }
}

console.log(copy.SnapshotId);
