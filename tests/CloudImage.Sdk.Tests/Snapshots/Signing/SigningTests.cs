using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using CloudImage.Sdk.Cryptography;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Replication;
using CloudImage.Sdk.Snapshots.Retention;
using CloudImage.Sdk.Snapshots.Signing;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Signing;

public class SigningTests
{
    [Theory]
    [InlineData("p256", "ecdsa-p256-sha256", 64)]
    [InlineData("p384", "ecdsa-p384-sha384", 96)]
    [InlineData("ed25519", "ed25519", 64)]
    public void Signature_IsGood_ForItsDataAndKeyAlone(string kind, string algorithm, int length)
    {
        using SnapshotSigner signer = Make(kind);
        using SnapshotSigner other = Make(kind);
        byte[] signature = signer.Sign("a statement"u8);
        Assert.Equal((algorithm, length), (signer.PublicKey.Algorithm, signature.Length));
        Assert.True(signer.PublicKey.Verify("a statement"u8, signature));
        Assert.False(signer.PublicKey.Verify("b statement"u8, signature));
        Assert.False(other.PublicKey.Verify("a statement"u8, signature));
        Assert.False(signer.PublicKey.Verify("a statement"u8, signature.AsSpan(1)));
        Assert.False(signer.PublicKey.Verify("a statement"u8, []));
        signature[9] ^= 1;
        Assert.False(signer.PublicKey.Verify("a statement"u8, signature));
        Assert.NotEqual(signer.PublicKey.Id, other.PublicKey.Id);
    }

    [Fact]
    public void Ecdsa_OnAnotherCurve_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new EcdsaSnapshotSigner(ECDsa.Create(ECCurve.NamedCurves.nistP521)));
        Assert.ThrowsAny<ArgumentException>(() => EcdsaSnapshotSignatureKey.FromPem("no key"));
    }

    [Fact]
    public void Ed25519_OfRfc8032_SignsAsWritten_AndReadsPem()
    {
        // RFC 8032, section 7.1, test 2; the PEM forms are those of RFC 8410 around the same keys.
        byte[] seed = Convert.FromHexString("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        byte[] publicKey = Convert.FromHexString("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        using Ed25519SnapshotSigner signer = new(seed);
        Assert.Equal(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            Convert.ToHexStringLower(signer.Sign([0x72])));
        Assert.Equal(signer.PublicKey.Id, new Ed25519SnapshotSignatureKey(publicKey).Id);
        string privatePem = PemEncoding.WriteString("PRIVATE KEY", [.. Convert.FromHexString("302e020100300506032b657004220420"), .. seed]);
        string publicPem = PemEncoding.WriteString("PUBLIC KEY", [.. Convert.FromHexString("302a300506032b6570032100"), .. publicKey]);
        using Ed25519SnapshotSigner read = Ed25519SnapshotSigner.FromPem(privatePem);
        Assert.Equal(signer.PublicKey.Id, read.PublicKey.Id);
        Assert.Equal(signer.PublicKey.Id, Ed25519SnapshotSignatureKey.FromPem(publicPem).Id);
        Assert.Equal(signer.PublicKey.Id, Ed25519SnapshotSignatureKey.FromPem(privatePem).Id);
        Assert.Equal(signer.PublicKey.Id, Ed25519SnapshotSignatureKey.FromPem($"{PemEncoding.WriteString("PUBLIC KEY", [1, 2])}\n{publicPem}").Id);

        // With attributes and the public key behind it, as RFC 5958 allows (RFC 8410, section 10.3).
        string longer = "-----BEGIN PRIVATE KEY-----\nMHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\noB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\nZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PRIVATE KEY-----\n";
        const string OfTheSame = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        Assert.Equal(Ed25519SnapshotSignatureKey.FromPem(OfTheSame).Id, Ed25519SnapshotSignatureKey.FromPem(longer).Id);
        Assert.Throws<ArgumentException>(() => Ed25519SnapshotSigner.FromPem(publicPem));
        Assert.Throws<ArgumentException>(() => Ed25519SnapshotSignatureKey.FromPem("no key"));
    }

    [Fact]
    public async Task Snapshot_SignedAtCaptureOrLater_IsGoodForWhoTrustsTheKey()
    {
        using SnapshotSigner first = Make("p256");
        using SnapshotSigner second = Make("p384");
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        string signed = await CaptureAsync(repository, 1, first);
        string plain = await CaptureAsync(repository, 2, null);
        Assert.Equal(SignatureStatus.Valid, await repository.CheckSignatureAsync(signed, [first.PublicKey]));
        Assert.Equal(SignatureStatus.UnknownKey, await repository.CheckSignatureAsync(signed, [second.PublicKey]));
        Assert.Equal(SignatureStatus.None, await repository.CheckSignatureAsync(plain, [first.PublicKey]));
        Assert.True(await repository.SignAsync(plain, second));
        Assert.False(await repository.SignAsync(plain, second));
        Assert.Equal(SignatureStatus.Valid, await repository.CheckSignatureAsync(plain, [first.PublicKey, second.PublicKey]));
        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.Empty(verified.Problems);
        Assert.Empty(verified.UnknownObjects);
    }

    [Fact]
    public async Task Signature_OfAnotherSnapshot_DoesNotFit()
    {
        using SnapshotSigner signer = Make("p256");
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        string one = await CaptureAsync(repository, 1, null);
        string two = await CaptureAsync(repository, 1, null);
        await repository.SignAsync(one, signer);
        string from = $"s/{one}/signature.{signer.PublicKey.Id}";
        string to = $"s/{two}/signature.{signer.PublicKey.Id}";
        byte[] record = (await SnapshotTestData.DumpAsync(store))[from];
        ReadOnlyMemory<byte> body = CloudImage.Sdk.Snapshots.Records.RecordFile.Open(from, CloudImage.Sdk.Snapshots.Records.RecordKind.Signature, record);
        await store.TryCreateAsync(to, CloudImage.Sdk.Snapshots.Records.RecordFile.Seal(to, CloudImage.Sdk.Snapshots.Records.RecordKind.Signature, body.Span), ObjectCreateOptions.Default);
        Assert.Equal(SignatureStatus.Invalid, await repository.CheckSignatureAsync(two, [signer.PublicKey]));
    }

    [Fact]
    public async Task Copy_KeepsTheSignatureOfItsOriginal()
    {
        using SnapshotSigner signer = Make("p256");
        await using SnapshotRepository source = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await using SnapshotRepository copy = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await using SnapshotRepository further = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await CaptureAsync(source, 1, signer);
        await source.SignAsync(await CaptureAsync(source, 2, null), signer);
        await source.CopyToAsync([copy], ReplicationOptions.Default, null);
        ReplicationResult result = await copy.CopyToAsync([further], ReplicationOptions.Default, null);
        Assert.Equal(2, result.Destinations[0].Copied.Count);
        foreach (ReplicatedSnapshot copied in result.Destinations[0].Copied)
        {
            Assert.Equal(SignatureStatus.Valid, await copy.CheckSignatureAsync(copied.Source.Id, [signer.PublicKey]));
            Assert.Equal(SignatureStatus.Valid, await further.CheckSignatureAsync(copied.Copy.Id, [signer.PublicKey]));
        }
    }

    [Fact]
    public async Task Audit_ExplainsPrunesAndUnusedNumbers_AndFindsWhatIsTakenAway()
    {
        using SnapshotSigner signer = Make("p256");
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        List<string> ids = [];
        for (int index = 0; index < 6; index++)
        {
            ids.Add(await CaptureAsync(repository, index, signer));
        }

        RetentionPlan plan = await repository.PlanRetentionAsync(new RetentionPolicy { KeepLast = 4 }, []);
        await repository.PruneAsync(plan, new PruneOptions { Signer = signer });
        await repository.DeleteAsync(ids[2], signer);
        SequenceAudit audit = await repository.AuditAsync("disk", [signer.PublicKey], ids[5]);
        Assert.True(audit.IsWhole, string.Join("; ", audit.Problems));
        Assert.Equal([1, 1, 1, 0, 0, 0], audit.Entries.Select(static entry => (int)entry.State));
        Assert.All(audit.Entries.Take(3), static entry => Assert.Equal(SignatureStatus.Valid, entry.RetirementSignature));
        Assert.Contains("no rule keeps it", audit.Entries[0].Explanation, StringComparison.Ordinal);

        // An unsigned deletion is explained without keys, and suspicious with them.
        await repository.DeleteAsync(ids[3]);
        Assert.True((await repository.AuditAsync("disk", [], null)).IsWhole);
        Assert.Equal(4, Assert.Single((await repository.AuditAsync("disk", [signer.PublicKey], null)).Entries, static entry => entry.IsSuspicious).Sequence);

        // Records taken away: in the middle a gap tells, at the end only the remembered head does.
        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        await using SnapshotRepository holed = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(Without(objects, $"s/{ids[4]}/")));
        Assert.Equal(SequenceState.Missing, Assert.Single((await holed.AuditAsync("disk", [], ids[5])).Entries, static entry => entry.IsSuspicious).State);
        await using SnapshotRepository beheaded = await SnapshotRepository.OpenAsync(
            await SnapshotTestData.StoreOfAsync(Without(Without(objects, $"s/{ids[5]}/"), "n/disk/0000000006")));
        Assert.True((await beheaded.AuditAsync("disk", [], null)).IsWhole);
        Assert.Contains(ids[5], Assert.Single((await beheaded.AuditAsync("disk", [], ids[5])).Problems), StringComparison.Ordinal);
        await using SnapshotRepository unnumbered = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(Without(objects, "n/disk/0000000005")));
        Assert.Equal(5, Assert.Single((await unnumbered.AuditAsync("disk", [], null)).Entries, static entry => entry.IsSuspicious).Sequence);
    }

    private static Dictionary<string, byte[]> Without(Dictionary<string, byte[]> objects, string prefix) =>
        objects.Where(pair => !pair.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary();

    private static SnapshotSigner Make(string kind) => kind switch
    {
        "p256" => new EcdsaSnapshotSigner(ECDsa.Create(ECCurve.NamedCurves.nistP256)),
        "p384" => new EcdsaSnapshotSigner(ECDsa.Create(ECCurve.NamedCurves.nistP384)),
        _ => new Ed25519SnapshotSigner(RandomNumberGenerator.GetBytes(32)),
    };

    private static async Task<string> CaptureAsync(SnapshotRepository repository, int seed, SnapshotSigner? signer) =>
        (await repository.CaptureAsync(new ModelDisk(SnapshotTestData.Mixed(300_000, seed)), new CaptureOptions { Image = "disk", Signer = signer }, null)).Id;
}
