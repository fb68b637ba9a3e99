using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots.Encryption;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

public class FormatReaderTests
{
    [Theory]
    [InlineData(ContentHashAlgorithm.Blake3, 3_000_000)]
    [InlineData(ContentHashAlgorithm.Sha256, 65536 * 260)]
    [InlineData(ContentHashAlgorithm.Blake3, 0)]
    public async Task Read_ByTheSpecificationAlone_GivesTheSameDisks(ContentHashAlgorithm digest, int length)
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, new SnapshotRepositoryOptions { ChunkSize = 65536, Digest = digest });
        Dictionary<string, byte[]> expected = [];
        ChunkCodec[] codecs = [ChunkCodec.Lz4, ChunkCodec.Zstd, ChunkCodec.Stored];
        byte[] content = SnapshotTestData.Mixed(length, 21);
        for (int round = 0; round < 3; round++)
        {
            CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", Codec = codecs[round] }, null);
            expected.Add(result.Id, content);
            content = [.. content];
            Array.Reverse(content, content.Length / 4 * round, content.Length / 8);
        }

        await repository.DeleteAsync(expected.Keys.First());
        expected.Remove(expected.Keys.First());
        FormatReader reader = new(await SnapshotTestData.DumpAsync(store));
        Assert.Equal(expected.Keys.Order(), reader.Committed().Order());
        foreach ((string id, byte[] disk) in expected)
        {
            Assert.Equal(disk, reader.ReadDisk(id));
        }

        Assert.Equal(length > 0, reader.CheckSegments() > 0);
    }

    [Theory]
    [InlineData("passphrase", ContentHashAlgorithm.Blake3)]
    [InlineData("key-file", ContentHashAlgorithm.Sha256)]
    [InlineData("rsa", ContentHashAlgorithm.Blake3)]
    [InlineData("ecdh-p256", ContentHashAlgorithm.Blake3)]
    [InlineData("ecdh-p384", ContentHashAlgorithm.Blake3)]
    public async Task Read_EncryptedByTheSpecificationAlone_GivesTheSameDisks(string kind, ContentHashAlgorithm digest)
    {
        (KeyProvider provider, object secret) = KeyProviderTests.MakeWithSecret(kind);
        using KeyProvider holder = provider;
        using KeyProvider other = KeyProviderTests.Make("key-file", 9);
        MemoryObjectStore store = new();
        SnapshotRepositoryOptions options = new() { ChunkSize = 65536, Digest = digest, Encryption = RepositoryEncryption.Aes256Gcm, Keys = [holder, other] };
        await using SnapshotRepository first = await SnapshotRepository.CreateAsync(new UnownedStore(store), options);
        Dictionary<string, byte[]> expected = [];
        byte[] content = SnapshotTestData.Mixed(65536 * 258, 22);
        CaptureResult before = await first.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", Codec = ChunkCodec.Zstd }, null);
        expected.Add(before.Id, content);

        // A second epoch, and a snapshot of it that refers to frames of the first.
        await (await RepositoryKeyring.OpenAsync(store, holder)).AddEpochAsync([holder]);
        await using SnapshotRepository second = await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { Key = holder });
        content = [.. content];
        Array.Reverse(content, 500_000, 300_000);
        CaptureResult after = await second.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        expected.Add(after.Id, content);
        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        Assert.Equal(2, new FormatKeys(objects, secret).EpochCount);
        FormatReader reader = new(objects, secret);
        Assert.Equal(expected.Keys.Order(), reader.Committed().Order());
        foreach ((string id, byte[] disk) in expected)
        {
            Assert.Equal(disk, reader.ReadDisk(id));
        }

        Assert.True(reader.CheckSegments() > 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Read_PatchesAndTracesByTheSpecificationAlone_GivesTheSameChunks(bool isSealed)
    {
        (KeyProvider provider, object secret) = KeyProviderTests.MakeWithSecret("key-file");
        using KeyProvider holder = provider;
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, new SnapshotRepositoryOptions
        {
            ChunkSize = 65536,
            Encryption = isSealed ? RepositoryEncryption.Aes256Gcm : RepositoryEncryption.None,
            Keys = isSealed ? [holder] : [],
        });
        Dictionary<string, byte[]> expected = [];
        byte[] content = SnapshotTestData.Mixed(65536 * 259, 23);
        for (int round = 0; round < 3; round++)
        {
            CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", PatchFrames = true }, null);
            expected.Add(result.Id, content);
            content = [.. content];
            for (int chunk = 0; chunk < 259; chunk += 40)
            {
                content.AsSpan((chunk * 65536) + 3000 + (round * 700), 2000).Fill((byte)(chunk + round + 1));
            }
        }

        string last = expected.Keys.Last();
        await repository.SaveTraceAsync(last, new ReadTrace([new CloudImage.Sdk.Disks.DiskExtent(65536 * 80, 65536 * 2, CloudImage.Sdk.Disks.DiskExtentKind.Data), new(3000, 10, CloudImage.Sdk.Disks.DiskExtentKind.Data)]));
        FormatReader reader = new(await SnapshotTestData.DumpAsync(store), isSealed ? secret : null);
        foreach ((string id, byte[] disk) in expected)
        {
            Assert.Equal(disk, reader.ReadDisk(id));
        }

        Assert.True(reader.Patches >= 10, $"{reader.Patches} patches");
        List<(long Chunk, byte[] Plain)> traced = reader.ReadTrace($"t/{last}-0000");
        Assert.Equal(0L, traced[^1].Chunk);
        foreach ((long chunk, byte[] plain) in traced)
        {
            Assert.True(expected[last].AsSpan((int)chunk * 65536, 65536).SequenceEqual(plain));
        }
    }
}
