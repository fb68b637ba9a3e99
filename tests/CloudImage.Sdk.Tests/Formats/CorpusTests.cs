using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats;

/// <summary>Opens every real image of the corpus through the synchronous, the asynchronous and the stream door.</summary>
public sealed class CorpusTests
{
    private static readonly string[] s_doors = ["synchronous", "asynchronous", "stream"];
    private static readonly byte[] s_zeros = new byte[1 << 20];

    public static TheoryData<string, string> Readable => Cases(static entry => entry.ContentSha256 is not null);

    public static TheoryData<string, string> Unreadable => Cases(static entry => entry.File.Contains("header-only", StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Readable), DisableDiscoveryEnumeration = true)]
    public async Task Open_RealImage_HasTheKnownContent(string file, string door)
    {
        string path = Corpus.Require(file);
        CorpusEntry entry = Corpus.Entry(file);
        using VirtualDisk disk = await OpenAsync(path, door);
        Assert.Equal(entry.VirtualSize, disk.Length);
        Assert.Equal(entry.Format == "qcow1" ? "qcow" : entry.Format, disk.Info.FormatName == "qcow1" ? "qcow" : disk.Info.FormatName);
        Assert.Equal(entry.ContentSha256, await DigestAsync(disk, door));
    }

    [Theory]
    [MemberData(nameof(Unreadable), DisableDiscoveryEnumeration = true)]
    public async Task Open_HeaderAlone_FailsWithAReason(string file, string door)
    {
        string path = Corpus.Require(file);
        CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(async () =>
        {
            using VirtualDisk disk = await OpenAsync(path, door);
            await DigestAsync(disk, door);
        });
        Assert.Contains(Corpus.Entry(file).Format, exception.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Inspect_EveryFile_ThrowsNothing()
    {
        foreach (CorpusEntry entry in Corpus.Entries)
        {
            DiskInspection inspection = DiskImage.Inspect(Corpus.Require(entry.File), DiskOpenOptions.Default);
            Assert.True(inspection.IsConsistent || inspection.Concerns.Count > 0, entry.File);
        }
    }

    private static TheoryData<string, string> Cases(Func<CorpusEntry, bool> isWanted)
    {
        TheoryData<string, string> cases = [];
        foreach (CorpusEntry entry in Corpus.Entries.Where(isWanted).Where(static entry => DiskFormatRegistry.Default.Find(entry.Format) is not null))
        {
            foreach (string door in s_doors)
            {
                cases.Add(entry.File, door);
            }
        }

        if (cases.Count == 0)
        {
            cases.Add("corpus.json", s_doors[0]);
        }

        return cases;
    }

    private static async Task<VirtualDisk> OpenAsync(string path, string door)
    {
        if (door == "stream")
        {
            return DiskImage.Open(new BufferedStream(File.OpenRead(path)), DiskOpenOptions.Default);
        }

        return door == "synchronous"
            ? DiskImage.Open(path)
            : await DiskImage.OpenAsync(path, DiskOpenOptions.Default, TestContext.Current.CancellationToken);
    }

    // Zeros that the map knows are hashed without being read: two of the disks are 10 GiB of them.
    private static async Task<string> DigestAsync(VirtualDisk disk, string door)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        using Stream stream = disk.AsStream();
        foreach (DiskExtent extent in await ExtentsAsync(disk, door))
        {
            for (long offset = extent.Offset; offset < extent.End;)
            {
                int count = (int)Math.Min(buffer.Length, extent.End - offset);
                if (extent.Kind == DiskExtentKind.Data)
                {
                    await ReadAsync(disk, stream, buffer.AsMemory(0, count), offset, door);
                }

                hash.AppendData(extent.Kind == DiskExtentKind.Data ? buffer : s_zeros, 0, count);
                offset += count;
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static async Task<List<DiskExtent>> ExtentsAsync(VirtualDisk disk, string door)
    {
        if (door != "asynchronous")
        {
            return [.. disk.GetExtents(0, disk.Length)];
        }

        List<DiskExtent> extents = [];
        await foreach (DiskExtent extent in disk.GetExtentsAsync(0, disk.Length, TestContext.Current.CancellationToken))
        {
            extents.Add(extent);
        }

        return extents;
    }

    private static async Task ReadAsync(VirtualDisk disk, Stream stream, Memory<byte> buffer, long offset, string door)
    {
        int count;
        if (door == "stream")
        {
            stream.Position = offset;
            count = stream.Read(buffer.Span);
        }
        else
        {
            count = door == "synchronous" ? disk.Read(buffer.Span, offset) : await disk.ReadAsync(buffer, offset, TestContext.Current.CancellationToken);
        }

        Assert.Equal(buffer.Length, count);
    }
}
