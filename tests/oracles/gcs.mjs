// The vendor's own client against an address of Cloud Storage: what it can do there, step by step. Exits with 0 when all is as it should be.
//   node gcs.mjs ENDPOINT [KEY-FILE]
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Storage } from '@google-cloud/storage';
import { JWT, gaxios } from 'google-auth-library';

const { Gaxios } = gaxios;

const [endpoint, keyFile] = process.argv.slice(2);
const options = { apiEndpoint: endpoint, projectId: 'project', retryOptions: { autoRetry: true, maxRetries: 5, maxRetryDelay: 2, totalTimeout: 60 } };
if (keyFile) {
    const key = JSON.parse(readFileSync(keyFile, 'utf8'));

    // The client signs; where it takes the assertion is fixed in it, and led to where the key says here.
    const transporter = new Gaxios();
    const request = transporter.request.bind(transporter);
    transporter.request = call => request({ ...call, url: String(call.url).replace('https://oauth2.googleapis.com/token', key.token_uri) });
    options.authClient = new JWT({ email: key.client_email, key: key.private_key, scopes: ['https://www.googleapis.com/auth/devstorage.read_write'], transporter });

    // It leaves its tokens at home where the address is not the vendor's; here they are what is tested.
    options.useAuthWithCustomEndpoint = true;
}

const storage = new Storage(options);
const name = `oracle-${randomBytes(4).toString('hex')}`;
await storage.createBucket(name);
const bucket = storage.bucket(name);

const refused = async (promise, code) => {
    try {
        await promise;
    } catch (error) {
        assert.equal(Number(error.code ?? error.status), code, String(error));
        return;
    }
    assert.fail(`${code} was expected`);
};

// One request, on condition; the client compares the checksum that it computed.
const small = randomBytes(100_000);
await bucket.file('a/one').save(small, { resumable: false, validation: 'crc32c', preconditionOpts: { ifGenerationMatch: 0 } });
await refused(bucket.file('a/one').save(small, { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }), 412);
const [metadata] = await bucket.file('a/one').getMetadata();
assert.equal(Number(metadata.size), small.length);
assert.ok(metadata.crc32c && metadata.md5Hash && metadata.generation);

// Resumable, in pieces; the test lets the service keep less than it is sent. At an address that is not the vendor's the client begins such
// an upload without its token, so that with tokens one request has to do.
const resumable = !keyFile;
const large = randomBytes(3 * 1024 * 1024 + 12345);
await bucket.file('a/two').save(large, { resumable, chunkSize: 512 * 1024, validation: 'crc32c', preconditionOpts: { ifGenerationMatch: 0 } });
await refused(bucket.file('a/two').save(large, { resumable, chunkSize: 512 * 1024, preconditionOpts: { ifGenerationMatch: 0 } }), 412);

// A checksum that does not fit is refused.
await refused(bucket.file('a/wrong').save(small, { resumable: false, validation: false, metadata: { crc32c: 'AAAAAA==' } }), 400);

// Read whole, with the checksum compared, and by a range.
const [whole] = await bucket.file('a/two').download({ validation: 'crc32c' });
assert.ok(whole.equals(large));
const [part] = await bucket.file('a/two').download({ start: 1_000_001, end: 1_100_000 });
assert.ok(part.equals(large.subarray(1_000_001, 1_100_001)));
await refused(bucket.file('a/never').download(), 404);

// Listed in order, by pages, from a name on.
for (const suffix of ['x', 'y', 'z']) {
    await bucket.file(`b/${suffix}`).save('1', { resumable: false });
}
const all = [];
for (let query = { maxResults: 2, autoPaginate: false }; query;) {
    const [page, next] = await bucket.getFiles(query);
    assert.ok(page.length <= 2);
    all.push(...page.map(file => file.name));
    query = next;
}
assert.deepEqual(all, ['a/one', 'a/two', 'b/x', 'b/y', 'b/z']);
const [some] = await bucket.getFiles({ prefix: 'b/', startOffset: 'b/y' });
assert.deepEqual(some.map(file => file.name), ['b/y', 'b/z']);

await bucket.file('a/one').delete();
await refused(bucket.file('a/one').delete(), 404);
assert.deepEqual(await bucket.file('a/one').exists(), [false]);
console.log('ok');
