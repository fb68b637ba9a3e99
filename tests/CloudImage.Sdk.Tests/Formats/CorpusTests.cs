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
    private static readonly byte[] s_zeros = new byte[1 << 20];

    public static TheoryData<string> Readable => Cases(static entry => entry.ContentSha256 is not null);

    public static TheoryData<string> HeadersAlone => Cases(static entry => entry.File.Contains("header-only", StringComparison.Ordinal) && entry.Format != "vdi");

    [Theory]
    [MemberData(nameof(Readable), DisableDiscoveryEnumeration = true)]
    public async Task Open_RealImage_HasTheKnownContentThroughEveryDoor(string file)
    {
        string path = Corpus.Require(file);
        CorpusEntry entry = Corpus.Entry(file);
        using VirtualDisk synchronous = DiskImage.Open(path);
        await using VirtualDisk asynchronous = await DiskImage.OpenAsync(path, DiskOpenOptions.Default, TestContext.Current.CancellationToken);
        using VirtualDisk streamed = DiskImage.Open(new BufferedStream(File.OpenRead(path)), DiskOpenOptions.Default);
        Assert.Equal(entry.VirtualSize, synchronous.Length);
        Assert.Contains(synchronous.Info.FormatName, (string[])[entry.Format, "qcow"]);
        Assert.Equal(entry.ContentSha256, await DigestAsync(synchronous, asynchronous, streamed));
    }

    [Theory]
    [MemberData(nameof(HeadersAlone), DisableDiscoveryEnumeration = true)]
    public async Task Open_HeaderAlone_FailsWithAReasonThroughEveryDoor(string file)
    {
        string path = Corpus.Require(file);
        foreach (Func<Task<VirtualDisk>> open in (Func<Task<VirtualDisk>>[])[
            () => Task.FromResult(DiskImage.Open(path)),
            async () => await DiskImage.OpenAsync(path, DiskOpenOptions.Default),
            () => Task.FromResult(DiskImage.Open(new BufferedStream(File.OpenRead(path)), DiskOpenOptions.Default))])
        {
            CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(async () =>
            {
                using VirtualDisk disk = await open();
                disk.Read(new byte[65536], 0);
            });
            Assert.Contains(Corpus.Entry(file).Format, exception.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void Open_TheVdiHeaderAlone_IsADiskOfOneUnallocatedBlock()
    {
        // Nothing is missing from it: its map follows in the same kilobyte, and qemu-img opens it as well.
        using VirtualDisk disk = DiskImage.Open(Corpus.Require("file-tests-header-only.vdi"));
        byte[] content = new byte[disk.Length];
        content.AsSpan().Fill(1);
        Assert.Equal(1024, disk.Read(content, 0));
        Assert.False(content.AsSpan().ContainsAnyExcept((byte)0));
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

    private static TheoryData<string> Cases(Func<CorpusEntry, bool> isWanted)
    {
        TheoryData<string> cases = [.. Corpus.Entries.Where(isWanted).Select(static entry => entry.File)];
        if (!Corpus.IsPresent)
        {
            // One case that says what is missing.
            cases.Add("corpus.json");
        }

        return cases;
    }

    // Zeros that the map knows are hashed without being read: two of the disks are 10 GiB of them.
    private static async Task<string> DigestAsync(VirtualDisk synchronous, VirtualDisk asynchronous, VirtualDisk streamed)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        byte[] other = new byte[1 << 20];
        using Stream stream = streamed.AsStream();

        // A stream has no holes, so that the map of a fixed image may know less there; of the others it is the same.
        Assert.Equal(synchronous.GetExtents(0, synchronous.Length), await ExtentsAsync(asynchronous));
        foreach (DiskExtent extent in await ExtentsAsync(asynchronous))
        {
            for (long offset = extent.Offset; offset < extent.End;)
            {
                int count = (int)Math.Min(buffer.Length, extent.End - offset);
                if (extent.Kind == DiskExtentKind.Data)
                {
                    Assert.Equal(count, synchronous.Read(buffer.AsSpan(0, count), offset));
                    Assert.Equal(count, await asynchronous.ReadAsync(other.AsMemory(0, count), offset, TestContext.Current.CancellationToken));
                    Assert.True(buffer.AsSpan(0, count).SequenceEqual(other.AsSpan(0, count)));
                    stream.Position = offset;
                    stream.ReadExactly(other, 0, count);
                    Assert.True(buffer.AsSpan(0, count).SequenceEqual(other.AsSpan(0, count)));
                }

                hash.AppendData(extent.Kind == DiskExtentKind.Data ? buffer : s_zeros, 0, count);
                offset += count;
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static async Task<List<DiskExtent>> ExtentsAsync(VirtualDisk disk)
    {
        List<DiskExtent> extents = [];
        await foreach (DiskExtent extent in disk.GetExtentsAsync(0, disk.Length, TestContext.Current.CancellationToken))
        {
            extents.Add(extent);
        }

        return extents;
    }
}
