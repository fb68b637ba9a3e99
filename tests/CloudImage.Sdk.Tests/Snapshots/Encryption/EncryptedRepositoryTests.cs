using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Encryption;

public sealed class EncryptedRepositoryTests : IDisposable
{
    private static readonly string s_marker = "a sentence that must not be found in the store; ";

    private readonly KeyProvider _alice = KeyProviderTests.Make("key-file", 1);
    private readonly KeyProvider _bob = KeyProviderTests.Make("ecdh-p256", 2);

    public void Dispose()
    {
        _alice.Dispose();
        _bob.Dispose();
    }

    [Theory]
    [InlineData(ContentHashAlgorithm.Blake3, "lz4")]
    [InlineData(ContentHashAlgorithm.Sha256, "zstd")]
    [InlineData(ContentHashAlgorithm.Blake3, "none")]
    public async Task Capture_ReadsBackTheSameWithEveryHoldersKey(ContentHashAlgorithm digest, string codecName)
    {
        ChunkCodec codec = codecName switch { "lz4" => ChunkCodec.Lz4, "zstd" => ChunkCodec.Zstd, _ => ChunkCodec.Stored };
        byte[] content = MakeContent(3_000_001, 1);
        byte[] changed = [.. content];
        changed[2_000_000] ^= 1;
        Dictionary<string, byte[]> objects;
        var store = new CrashingObjectStore(0, long.MaxValue, false, null);
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, MakeOptions(digest)))
        {
            Assert.True(repository.IsEncrypted && repository.HasKeys);
            await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "payroll", Codec = codec }, null);
            CaptureResult second = await repository.CaptureAsync(new ModelDisk(changed), new CaptureOptions { Image = "payroll", Codec = codec }, null);
            Assert.Equal(1, second.NewChunks);
            objects = store.Recover();
        }

        foreach (KeyProvider holder in new[] { _alice, _bob })
        {
            await using SnapshotRepository opened = await OpenAsync(objects, holder);
            IReadOnlyList<SnapshotInfo> snapshots = await opened.ListAsync();
            Assert.Equal(["payroll", "payroll"], snapshots.Select(snapshot => snapshot.Image));
            Assert.Equal(snapshots[1].Id, (await opened.FindLatestAsync("payroll"))!.Id);
            Assert.Equal(content, await SnapshotTestData.ReadAllAsync(opened, snapshots[0].Id));
            Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(opened, snapshots[1].Id));
            VerifyResult verified = await opened.VerifyAsync(VerifyOptions.Default, null);
            Assert.Empty(verified.Problems);
            Assert.Empty(verified.UnknownObjects);
        }

        string stored = string.Concat(objects.Select(pair => pair.Key + Encoding.Latin1.GetString(pair.Value)));
        Assert.DoesNotContain("payroll", stored, StringComparison.Ordinal);
        Assert.DoesNotContain(s_marker[..12], stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_WithAnotherKeyOrNone_IsAClearError()
    {
        (_, Dictionary<string, byte[]> objects) = await CaptureAsync(MakeContent(100_000, 2));
        using KeyProvider stranger = KeyProviderTests.Make("key-file", 9);
        RepositoryKeyException exception = await Assert.ThrowsAsync<RepositoryKeyException>(async () => await OpenAsync(objects, stranger));
        Assert.Contains("key-file", exception.Message, StringComparison.Ordinal);
        exception = await Assert.ThrowsAsync<RepositoryKeyException>(async () => await OpenAsync(objects, null));
        Assert.Contains("without a key", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutKey_IntegrityIsVerifiedAndNothingIsRead()
    {
        (string id, Dictionary<string, byte[]> objects) = await CaptureAsync(MakeContent(500_000, 3));
        var options = new SnapshotRepositoryOpenOptions { AllowWithoutKey = true };
        await using SnapshotRepository locked = await SnapshotRepository.OpenAsync(new CrashingObjectStore(0, long.MaxValue, false, objects), options);
        Assert.False(locked.HasKeys);
        Assert.Empty((await locked.VerifyAsync(VerifyOptions.Default, null)).Problems);
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await locked.OpenDiskAsync(id));
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await locked.CaptureAsync(new ModelDisk(new byte[10]), new CaptureOptions { Image = "x" }, null));

        string pack = objects.Keys.First(name => name.StartsWith("p/", StringComparison.Ordinal));
        objects[pack][objects[pack].Length / 2] ^= 4;
        await using SnapshotRepository damaged = await SnapshotRepository.OpenAsync(new CrashingObjectStore(0, long.MaxValue, false, objects), options);
        Assert.NotEmpty((await damaged.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task NewEpoch_KeepsTheOldReadableAndTheChainGoesOn()
    {
        byte[] content = MakeContent(2_000_000, 4);
        (string first, Dictionary<string, byte[]> objects) = await CaptureAsync(content);
        var store = new CrashingObjectStore(0, long.MaxValue, false, objects);
        await (await RepositoryKeyring.OpenAsync(store, _alice)).AddEpochAsync([_alice]);
        byte[] changed = [.. content];
        changed[10] ^= 1;
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { Key = _alice });
        CaptureResult second = await repository.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null);
        Assert.Equal(1, second.NewChunks);
        Assert.Equal(first, second.Snapshot.ParentId);
        Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(repository, second.Id));
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, first));
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task DestroyedEpoch_TakesItsSnapshotsAlone_AndTheRestGoesOn()
    {
        byte[] content = MakeContent(2_000_000, 7);
        (string first, Dictionary<string, byte[]> objects) = await CaptureAsync(content);
        var store = new CrashingObjectStore(0, long.MaxValue, false, objects);
        await (await RepositoryKeyring.OpenAsync(store, _alice)).AddEpochAsync([_alice]);
        SnapshotRepository repository = await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { Key = _alice });
        CaptureResult kept = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", Parent = SnapshotParent.None }, null);
        await (await RepositoryKeyring.OpenAsync(store, _alice)).DestroyEpochAsync(1);

        repository = await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { Key = _alice });
        Assert.Equal(kept.Id, Assert.Single(await repository.ListAsync()).Id);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, kept.Id));
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await repository.OpenDiskAsync(first));
        CaptureResult next = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        Assert.Equal(kept.Id, next.Snapshot.ParentId);
        Assert.Equal(0, next.NewChunks);
        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.Empty(verified.Problems);
        Assert.Equal([first], verified.SealedSnapshots);
        await repository.DeleteAsync(first);
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).SealedSnapshots);
    }

    [Fact]
    public async Task FlippedBit_InAnyObject_IsNeverReturnedAndFoundByVerify()
    {
        byte[] content = MakeContent(300_000, 5);
        (string id, Dictionary<string, byte[]> objects) = await CaptureAsync(content);
        var random = new Random(6);
        foreach (string name in objects.Keys.Where(name => name[0] is 'p' or 'm' or 's').ToArray())
        {
            for (int round = 0; round < 8; round++)
            {
                int index = random.Next(objects[name].Length);
                byte whole = objects[name][index];
                objects[name][index] ^= (byte)(1 << random.Next(8));
                await using SnapshotRepository repository = await OpenAsync(objects, _alice);
                VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
                Assert.True(verified.Problems.Count > 0, $"a flipped bit of {name} at {index} was not found");
                try
                {
                    Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, id));
                }
                catch (CloudImageException)
                {
                    Assert.NotEmpty(verified.Problems);
                }

                objects[name][index] = whole;
            }
        }
    }

    [Fact]
    public async Task DescriptorOfAnotherSession_IsRefused()
    {
        var protection = new SealedProtection((await RepositoryKeyring.CreateAsync(new MemoryObjectStore(), [_alice], default)).CreateSealer());
        var session = CloudImage.Sdk.Snapshots.Records.SessionId.NewRandom();
        ReadOnlyMemory<byte> sealedDescriptor = protection.SealDescriptor(session, new byte[] { 1, 2, 3 });
        Assert.Equal([1, 2, 3], protection.OpenDescriptor("name", session, sealedDescriptor).ToArray());
        Assert.Throws<RepositoryCorruptException>(() => protection.OpenDescriptor("name", CloudImage.Sdk.Snapshots.Records.SessionId.NewRandom(), sealedDescriptor));
    }

    private static byte[] MakeContent(int length, int seed)
    {
        byte[] content = SnapshotTestData.Mixed(length, seed);
        for (int offset = 0; offset < length - 100_000; offset += 100_000)
        {
            Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(s_marker, 100))).CopyTo(content, offset);
        }

        return content;
    }

    private SnapshotRepositoryOptions MakeOptions(ContentHashAlgorithm digest) => new()
    {
        ChunkSize = SnapshotTestData.ChunkSize,
        Digest = digest,
        Encryption = RepositoryEncryption.Aes256Gcm,
        Keys = [_alice, _bob],
    };

    private async Task<(string Id, Dictionary<string, byte[]> Objects)> CaptureAsync(byte[] content)
    {
        var store = new CrashingObjectStore(0, long.MaxValue, false, null);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, MakeOptions(ContentHashAlgorithm.Blake3));
        CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        return (result.Id, store.Recover());
    }

    private static Task<SnapshotRepository> OpenAsync(Dictionary<string, byte[]> objects, KeyProvider? key) =>
        SnapshotRepository.OpenAsync(new CrashingObjectStore(0, long.MaxValue, false, objects), new SnapshotRepositoryOpenOptions { Key = key });
}
