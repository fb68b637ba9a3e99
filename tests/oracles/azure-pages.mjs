// The vendor's own client against a service of page blobs: creation, pages, lists, snapshots, differences, conditions, signatures, limits.
//   node azure-pages.mjs ENDPOINT ACCOUNT KEY      exits with 0 and prints what it saw, or fails
import assert from "node:assert/strict";
import crypto from "node:crypto";
import {
  BlobServiceClient, BlobSASPermissions, ContainerSASPermissions, PageBlobClient, StorageSharedKeyCredential, generateBlobSASQueryParameters,
} from "@azure/storage-blob";

const [endpoint, account, key] = process.argv.slice(2);
const credential = new StorageSharedKeyCredential(account, key);
const retryOptions = { maxTries: 4, retryDelayInMs: 10, maxRetryDelayInMs: 100 };
const service = new BlobServiceClient(endpoint, credential, { retryOptions });
const container = service.getContainerClient(`oracle${Date.now()}`);
await container.create();
const MiB = 1 << 20;

const fails = async (status, code, action) => {
  try {
    await action();
  } catch (error) {
    assert.equal(error.statusCode, status, `${error.statusCode} ${error.code} in place of ${status} ${code}`);
    if (code) assert.equal(error.code ?? error.details?.errorCode, code);
    return;
  }
  assert.fail(`${status} ${code} was expected`);
};

const blob = container.getPageBlobClient("a folder/disk 1.vhd");
await blob.create(16 * MiB, { metadata: { origin: "oracle" }, conditions: { ifNoneMatch: "*" } });
await fails(409, "BlobAlreadyExists", () => blob.create(16 * MiB, { conditions: { ifNoneMatch: "*" } }));
const properties = await blob.getProperties();
assert.equal(properties.blobType, "PageBlob");
assert.equal(properties.contentLength, 16 * MiB);
assert.equal(properties.metadata.origin, "oracle");

const data = crypto.randomBytes(4 * MiB);
const md5 = (bytes) => crypto.createHash("md5").update(bytes).digest();
await blob.uploadPages(data, 0, data.length, { transactionalContentMD5: md5(data) });
await fails(400, "Md5Mismatch", () => blob.uploadPages(data, 0, data.length, { transactionalContentMD5: md5(Buffer.from("other")) }));
await fails(413, "RequestBodyTooLarge", () => blob.uploadPages(Buffer.alloc(4 * MiB + 512), 0, 4 * MiB + 512));
await blob.uploadPages(data.subarray(0, 512), 8 * MiB, 512);
await blob.uploadPages(data.subarray(0, 1024), 16 * MiB - 1024, 1024);

const ranges = async (client) => {
  const found = [];
  for await (const page of client.listPageRanges(0, 16 * MiB).byPage({ maxPageSize: 2 })) {
    assert.ok((page.pageRange?.length ?? 0) <= 2);
    for (const range of page.pageRange ?? []) found.push([range.start, range.end]);
  }
  return found;
};
assert.deepEqual(await ranges(blob), [[0, 4 * MiB - 1], [8 * MiB, 8 * MiB + 511], [16 * MiB - 1024, 16 * MiB - 1]]);
assert.deepEqual(await blob.downloadToBuffer(0, 4 * MiB), data);
const ranged = await blob.download(512, 1024, { rangeGetContentMD5: true });
assert.deepEqual(Buffer.from(ranged.contentMD5), md5(data.subarray(512, 1536)));

const first = (await blob.createSnapshot()).snapshot;
await blob.uploadPages(data.subarray(0, 512), 6 * MiB, 512);
await blob.clearPages(0, 1 * MiB);
await blob.uploadPages(data.subarray(0, 4096), 2 * MiB, 4096);
const second = (await blob.createSnapshot()).snapshot;
const differences = [];
for await (const item of blob.withSnapshot(second).listPageRangesDiff(0, 16 * MiB, first)) differences.push([item.start, item.end, item.isClear]);
differences.sort((left, right) => left[0] - right[0]);
assert.deepEqual(differences, [[0, 1 * MiB - 1, true], [2 * MiB, 2 * MiB + 4095, false], [6 * MiB, 6 * MiB + 511, false]]);
assert.deepEqual(await blob.withSnapshot(first).downloadToBuffer(0, 1 * MiB), data.subarray(0, 1 * MiB));
assert.deepEqual(await blob.downloadToBuffer(0, 1 * MiB), Buffer.alloc(MiB));

const old = await blob.getProperties();
await blob.setMetadata({ origin: "changed" }, { conditions: { ifMatch: old.etag } });
await fails(412, "ConditionNotMet", () => blob.uploadPages(data.subarray(0, 512), 0, 512, { conditions: { ifMatch: old.etag } }));
await fails(412, "ConditionNotMet", () => blob.download(0, 512, { conditions: { ifMatch: old.etag } }));

await blob.updateSequenceNumber("update", 7);
assert.equal((await blob.getProperties()).blobSequenceNumber, 7);
await blob.uploadPages(data.subarray(0, 512), 0, 512, { conditions: { ifSequenceNumberEqualTo: 7 } });
await fails(412, "SequenceNumberConditionNotMet", () => blob.uploadPages(data.subarray(0, 512), 0, 512, { conditions: { ifSequenceNumberEqualTo: 6 } }));

const sign = (values) => new PageBlobClient(
  `${blob.url}?${generateBlobSASQueryParameters({ containerName: container.containerName, blobName: "a folder/disk 1.vhd", expiresOn: new Date(Date.now() + 3600e3), ...values }, credential)}`,
  undefined, { retryOptions });
const reader = sign({ permissions: BlobSASPermissions.parse("r") });
assert.equal((await reader.getProperties()).metadata.origin, "changed");
await fails(403, "AuthorizationPermissionMismatch", () => reader.uploadPages(data.subarray(0, 512), 0, 512));
await fails(403, "AuthenticationFailed", () => sign({ permissions: BlobSASPermissions.parse("r"), expiresOn: new Date(Date.now() - 1000) }).download());
await fails(403, "AuthenticationFailed", () => new PageBlobClient(reader.url.replace("&sp=r", "&sp=rw"), undefined, { retryOptions }).download());
const whole = sign({ blobName: undefined, permissions: ContainerSASPermissions.parse("rw") });
await whole.uploadPages(data.subarray(0, 512), 12 * MiB, 512);
await fails(403, "AuthenticationFailed", () => new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, Buffer.from("wrong").toString("base64")), { retryOptions })
  .getContainerClient(container.containerName).getPageBlobClient("a folder/disk 1.vhd").download());

await fails(409, "SnapshotsPresent", () => blob.delete());
await blob.create(16 * MiB);
await fails(409, "BlobOverwritten", async () => { for await (const item of blob.listPageRangesDiff(0, 16 * MiB, first)) assert.ok(item); });
await blob.delete({ deleteSnapshots: "include" });
await fails(404, undefined, () => blob.getProperties());
console.log(JSON.stringify({ differences: differences.length, ok: true }));
