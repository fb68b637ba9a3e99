using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
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
}
