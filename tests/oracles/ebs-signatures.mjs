// Prints signatures of fixed requests to EBS direct as the vendor's own signer makes them, as JSON.
// The golden file tests/CloudImage.Sdk.Aws.Tests/Ebs/signatures.json is this output.
import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";

class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", secret) : createHash("sha256");
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return this.hash.digest();
  }
}

const lasting = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const session = { ...lasting, sessionToken: "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLXdlc3QtMiJ+token/with+slashes==" };
const host = "ebs.eu-central-1.amazonaws.com";
const token = "AAABASBpSJ2UAD3PLxJnCt6zun4/T4sU25Bnb8jB5Q6FRXHFqAIAqE04hJoR+/==";
const block = Buffer.alloc(524288, 0x5a);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

const put = (hash) => ({
  method: "PUT",
  path: "/snapshots/snap-0abcdef0123456789/blocks/17",
  headers: {
    "content-type": "application/octet-stream",
    "x-amz-checksum": sha256(block).toString("base64"),
    "x-amz-checksum-algorithm": "SHA256",
    "x-amz-content-sha256": hash,
    "x-amz-data-length": "524288",
  },
});

const cases = [
  ["get block", lasting, { method: "GET", path: "/snapshots/snap-0abcdef0123456789/blocks/17", query: { blockToken: token } }],
  ["get block, session", session, { method: "GET", path: "/snapshots/snap-0abcdef0123456789/blocks/17", query: { blockToken: token } }],
  ["list blocks", lasting, { method: "GET", path: "/snapshots/snap-0abcdef0123456789/blocks", query: { startingBlockIndex: "1000", maxResults: "10000" } }],
  ["list changes", session, { method: "GET", path: "/snapshots/snap-0b/changedblocks", query: { pageToken: token, maxResults: "100", firstSnapshotId: "snap-0a" } }],
  ["put block, unsigned payload", session, put("UNSIGNED-PAYLOAD")],
  ["put block, signed payload", lasting, put(sha256(block).toString("hex"))],
  ["start", lasting, { method: "POST", path: "/snapshots", body: '{"VolumeSize":1,"ClientToken":"a"}', headers: { "content-type": "application/json" } }],
  ["complete", session, {
    method: "POST",
    path: "/snapshots/completion/snap-0abcdef0123456789",
    headers: { "x-amz-changedblockscount": "3", "x-amz-checksum": sha256(Buffer.alloc(0)).toString("base64"), "x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-aggregation-method": "LINEAR" },
  }],
  ["path that must be encoded twice", lasting, { method: "GET", path: "/a%20b/%C3%A4%2Bc/~d-e_f.g", query: {} }],
  ["query that must be sorted and encoded", lasting, { method: "GET", path: "/snapshots", query: { "b": "2", "a b": "x y", "B": "1", "a": "*'()!", "ä": "ö" } }],
  ["header with blanks", lasting, { method: "GET", path: "/snapshots", headers: { "x-amz-note": "  two   words  " } }],
  ["endpoint with a port", lasting, { method: "GET", path: "/snapshots/snap-1/blocks", query: {}, hostname: "127.0.0.1:8443" }],
];

const output = [];
for (const [name, credentials, request] of cases) {
  const signer = new SignatureV4({ credentials, region: "eu-central-1", service: "ebs", sha256: Sha256, applyChecksum: true });
  const hostname = request.hostname ?? host;
  const signed = await signer.sign(
    { protocol: "https:", query: {}, ...request, hostname, headers: { host: hostname, ...request.headers } },
    { signingDate: new Date("2026-03-04T05:06:07Z") },
  );
  const { authorization, ...headers } = signed.headers;
  output.push({
    name,
    accessKey: credentials.accessKeyId,
    secretKey: credentials.secretAccessKey,
    sessionToken: credentials.sessionToken ?? null,
    method: request.method,
    path: request.path,
    query: request.query ?? {},
    headers,
    authorization,
  });
}

console.log(JSON.stringify(output, null, 1));
