// Does with the vendor's own client what the SDK does with EBS direct, against an endpoint that is given: checks of the fake by other code.
// Usage: node ebs.mjs ENDPOINT REGION ACCESS_KEY SECRET_KEY; prints one line of JSON with what it saw, or fails.
import { createHash, randomBytes } from "node:crypto";
import assert from "node:assert/strict";
import {
  CompleteSnapshotCommand, ConflictException, EBSClient, GetSnapshotBlockCommand, ListChangedBlocksCommand, ListSnapshotBlocksCommand,
  PutSnapshotBlockCommand, ResourceNotFoundException, StartSnapshotCommand, ValidationException, paginateListChangedBlocks, paginateListSnapshotBlocks,
} from "@aws-sdk/client-ebs";

const [endpoint, region, accessKeyId, secretAccessKey] = process.argv.slice(2);
const client = new EBSClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 4 });
const stranger = new EBSClient({ endpoint, region: "us-east-1", credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 });
const liar = new EBSClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey: "wrong" }, maxAttempts: 1 });
const blockSize = 524288;
const digest = (bytes) => createHash("sha256").update(bytes).digest();
const linear = (digests) => digest(Buffer.concat(digests)).toString("base64");

const put = (SnapshotId, BlockIndex, block, more = {}) => client.send(new PutSnapshotBlockCommand({
  SnapshotId, BlockIndex, BlockData: block, DataLength: block.length, Checksum: digest(block).toString("base64"), ChecksumAlgorithm: "SHA256", ...more,
}));
const complete = (SnapshotId, ChangedBlocksCount, digests) => client.send(new CompleteSnapshotCommand({
  SnapshotId, ChangedBlocksCount, Checksum: linear(digests), ChecksumAlgorithm: "SHA256", ChecksumAggregationMethod: "LINEAR",
}));
const refused = (promise, type, reason) => assert.rejects(promise, (error) => {
  assert.ok(error instanceof type, `${error.name}: ${error.message}`);
  if (reason) assert.equal(error.Reason, reason);
  return true;
});

async function completed(SnapshotId) {
  for (let poll = 0; poll < 20; poll++) {
    try {
      return await client.send(new ListSnapshotBlocksCommand({ SnapshotId, MaxResults: 100 }));
    } catch (error) {
      assert.ok(error instanceof ValidationException, `${error.name}: ${error.message}`);
    }
  }
  assert.fail("the snapshot does not become readable");
}

async function blocks(SnapshotId) {
  const all = [];
  for await (const page of paginateListSnapshotBlocks({ client, pageSize: 100 }, { SnapshotId })) all.push(...page.Blocks);
  return all;
}

// A full snapshot of 260 blocks, so that it has several pages.
const start = { VolumeSize: 1, ClientToken: randomBytes(16).toString("hex"), Description: "first", Timeout: 60, Tags: [{ Key: "k", Value: "v" }] };
const first = await client.send(new StartSnapshotCommand(start));
assert.equal(first.BlockSize, blockSize);
assert.equal(first.Status, "pending");
assert.equal((await client.send(new StartSnapshotCommand(start))).SnapshotId, first.SnapshotId);
await refused(client.send(new StartSnapshotCommand({ ...start, VolumeSize: 2 })), ConflictException);

const content = new Map();
for (let index = 0; index < 260; index++) content.set(index * 7, Buffer.alloc(blockSize, index + 1));
for (const [index, block] of content) {
  const answer = await put(first.SnapshotId, index, block);
  assert.equal(answer.Checksum, digest(block).toString("base64"));
}
content.set(7, randomBytes(blockSize));
await put(first.SnapshotId, 7, content.get(7));
await refused(put(first.SnapshotId, 1, Buffer.alloc(blockSize), { Checksum: digest(Buffer.alloc(1)).toString("base64") }), ValidationException, "INVALID_BLOCK");
await refused(put(first.SnapshotId, 1, Buffer.alloc(1000)), ValidationException, "INVALID_BLOCK");
await refused(put(first.SnapshotId, 2048, Buffer.alloc(blockSize)), ValidationException);
await refused(client.send(new ListSnapshotBlocksCommand({ SnapshotId: first.SnapshotId })), ValidationException);
const digests = [...content].sort(([left], [right]) => left - right).map(([, block]) => digest(block));
await refused(complete(first.SnapshotId, content.size - 1, digests), ValidationException);
await refused(complete(first.SnapshotId, content.size, [...digests].reverse()), ValidationException);
assert.equal((await complete(first.SnapshotId, content.size, digests)).Status, "pending");
await completed(first.SnapshotId);
await refused(put(first.SnapshotId, 1, Buffer.alloc(blockSize)), ValidationException);

const listed = await blocks(first.SnapshotId);
assert.deepEqual(listed.map((block) => block.BlockIndex), [...content.keys()].sort((left, right) => left - right));
for (const { BlockIndex, BlockToken } of [listed[0], listed[1], listed[259]]) {
  const got = await client.send(new GetSnapshotBlockCommand({ SnapshotId: first.SnapshotId, BlockIndex, BlockToken }));
  const bytes = Buffer.from(await got.BlockData.transformToByteArray());
  assert.ok(bytes.equals(content.get(BlockIndex)));
  assert.equal(got.Checksum, digest(bytes).toString("base64"));
  assert.equal(got.DataLength, blockSize);
}
await refused(client.send(new GetSnapshotBlockCommand({ SnapshotId: first.SnapshotId, BlockIndex: 14, BlockToken: listed[0].BlockToken })), ValidationException, "INVALID_BLOCK_TOKEN");
const from = await client.send(new ListSnapshotBlocksCommand({ SnapshotId: first.SnapshotId, StartingBlockIndex: 1000, MaxResults: 100 }));
assert.ok((from.Blocks[0]?.BlockIndex ?? 1001) === 1001);

// An increment: one block changed, one added.
await refused(client.send(new StartSnapshotCommand({ VolumeSize: 1, ParentSnapshotId: first.SnapshotId, Encrypted: true })), ValidationException);
const second = await client.send(new StartSnapshotCommand({ VolumeSize: 2, ParentSnapshotId: first.SnapshotId, ClientToken: randomBytes(16).toString("hex") }));
const changed = [[14, randomBytes(blockSize)], [3000, randomBytes(blockSize)]];
for (const [index, block] of changed) await put(second.SnapshotId, index, block);
await complete(second.SnapshotId, 2, changed.map(([, block]) => digest(block)));
await completed(second.SnapshotId);
assert.equal((await blocks(second.SnapshotId)).length, 261);
const differences = [];
for await (const page of paginateListChangedBlocks({ client, pageSize: 100 }, { FirstSnapshotId: first.SnapshotId, SecondSnapshotId: second.SnapshotId })) differences.push(...page.ChangedBlocks);
assert.deepEqual(differences.map(({ BlockIndex, FirstBlockToken, SecondBlockToken }) => [BlockIndex, !!FirstBlockToken, !!SecondBlockToken]), [[14, true, true], [3000, false, true]]);
const back = await client.send(new ListChangedBlocksCommand({ FirstSnapshotId: second.SnapshotId, SecondSnapshotId: first.SnapshotId, MaxResults: 100 }));
const backBlocks = back.ChangedBlocks.length ? back.ChangedBlocks : (await client.send(new ListChangedBlocksCommand({ FirstSnapshotId: second.SnapshotId, SecondSnapshotId: first.SnapshotId, NextToken: back.NextToken }))).ChangedBlocks;
assert.deepEqual(backBlocks.map(({ BlockIndex, SecondBlockToken }) => [BlockIndex, !!SecondBlockToken]), [[14, true], [3000, false]]);
await client.send(new GetSnapshotBlockCommand({ SnapshotId: second.SnapshotId, BlockIndex: 14, BlockToken: differences[0].SecondBlockToken }));

// A stranger to the first, and calls that must not pass.
const other = await client.send(new StartSnapshotCommand({ VolumeSize: 1 }));
await complete(other.SnapshotId, 0, []);
await completed(other.SnapshotId);
await refused(client.send(new ListChangedBlocksCommand({ FirstSnapshotId: first.SnapshotId, SecondSnapshotId: other.SnapshotId })), ValidationException, "UNRELATED_SNAPSHOTS");
await refused(client.send(new ListSnapshotBlocksCommand({ SnapshotId: "snap-0ffffffffffffffff" })), ResourceNotFoundException, "SNAPSHOT_NOT_FOUND");
await assert.rejects(stranger.send(new ListSnapshotBlocksCommand({ SnapshotId: first.SnapshotId })), (error) => error.$metadata.httpStatusCode === 403);
await assert.rejects(liar.send(new ListSnapshotBlocksCommand({ SnapshotId: first.SnapshotId })), (error) => error.$metadata.httpStatusCode === 403);

console.log(JSON.stringify({ first: first.SnapshotId, second: second.SnapshotId, blocks: listed.length }));
