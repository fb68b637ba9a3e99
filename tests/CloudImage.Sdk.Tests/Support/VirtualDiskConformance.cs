using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>What every <see cref="VirtualDisk"/> must do. A format's tests derive from it and give a disk with known content.</summary>
/// <remarks>The disk should hold data and zeros, be a few MiB long at most, and end at no multiple of its unit where the format can.</remarks>
public abstract class VirtualDiskConformance
{
    private static readonly int[] s_lengths = [1, 7, 511, 512, 513, 4096, 65536, 65537, 300_000];

    /// <summary>Opens a new disk over the content.</summary>
    /// <param name="content">What the disk must read as.</param>
    protected abstract VirtualDisk OpenDisk(out byte[] content);

    [Fact]
    public void Length_IsThatOfTheContent()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        Assert.Equal(content.Length, disk.Length);
        Assert.Equal(content.Length, disk.Info.VirtualSize);
        Assert.NotEmpty(disk.Info.FormatName);
    }

    [Fact]
    public void Read_AtAGridOfPlaces_ReturnsTheContent()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        foreach ((long offset, int length) in Grid(content.Length))
        {
            byte[] buffer = Filled(length);
            int count = disk.Read(buffer, offset);
            AssertRead(content, buffer, offset, count);
        }
    }

    [Fact]
    public async Task ReadAsync_AtAGridOfPlaces_ReturnsTheContent()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        foreach ((long offset, int length) in Grid(content.Length))
        {
            byte[] buffer = Filled(length);
            int count = await disk.ReadAsync(buffer, offset, TestContext.Current.CancellationToken);
            AssertRead(content, buffer, offset, count);
        }
    }

    [Fact]
    public void Read_Whole_ReturnsTheContent()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        byte[] buffer = Filled(content.Length + 1);
        Assert.Equal(content.Length, disk.Read(buffer, 0));
        Assert.True(content.AsSpan().SequenceEqual(buffer.AsSpan(0, content.Length)));
        Assert.Equal(0xee, buffer[^1]);
    }

    [Fact]
    public void Read_AtOrPastTheEnd_ReturnsZero()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        byte[] buffer = Filled(16);
        Assert.Equal(0, disk.Read(buffer, content.Length));
        Assert.Equal(0, disk.Read(buffer, content.Length + 1L));
        Assert.Equal(0, disk.Read(buffer, long.MaxValue));
        Assert.All(buffer, static value => Assert.Equal(0xee, value));
    }

    [Fact]
    public void Read_OfNothing_ReturnsZero()
    {
        using VirtualDisk disk = OpenDisk(out _);
        Assert.Equal(0, disk.Read([], 0));
    }

    [Fact]
    public void Read_AtANegativeOffset_Throws()
    {
        using VirtualDisk disk = OpenDisk(out _);
        Assert.Throws<ArgumentOutOfRangeException>(() => disk.Read(new byte[1], -1));
    }

    [Fact]
    public void Read_FromManyThreads_ReturnsTheContent()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        if (content.Length == 0)
        {
            return;
        }

        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed =>
        {
            Random random = new(seed);
            for (int round = 0; round < 40; round++)
            {
                long offset = random.NextInt64(content.Length);
                byte[] buffer = Filled(1 + random.Next(100_000));
                int count = disk.Read(buffer, offset);
                AssertRead(content, buffer, offset, count);
            }
        });
    }

    [Fact]
    public void GetExtents_CoverTheDiskInOrder()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        AssertCovers([.. disk.GetExtents(0, disk.Length)], 0, content.Length);
        AssertCovers([.. disk.GetExtents(0, long.MaxValue)], 0, content.Length);
    }

    [Fact]
    public void GetExtents_WhereTheyAreNotData_ContentIsZero()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        foreach (DiskExtent extent in disk.GetExtents(0, disk.Length).Where(static extent => extent.Kind != DiskExtentKind.Data))
        {
            Assert.False(content.AsSpan((int)extent.Offset, (int)extent.Length).ContainsAnyExcept((byte)0), $"{extent} holds data.");
        }
    }

    [Fact]
    public void GetExtents_OfAPart_AreThePartOfTheWhole()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        BlockMap whole = BlockMap.Of(disk);
        Random random = new(1);
        for (int round = 0; round < 50; round++)
        {
            long offset = random.NextInt64(content.Length + 1);
            long length = random.NextInt64(content.Length - offset + 1);
            Assert.Equal(whole.Slice(offset, length), disk.GetExtents(offset, length));
        }
    }

    [Fact]
    public async Task GetExtentsAsync_EqualTheSynchronousOnes()
    {
        using VirtualDisk disk = OpenDisk(out _);
        List<DiskExtent> extents = [];
        await foreach (DiskExtent extent in disk.GetExtentsAsync(0, disk.Length, TestContext.Current.CancellationToken))
        {
            extents.Add(extent);
        }

        Assert.Equal(disk.GetExtents(0, disk.Length), extents);
    }

    [Fact]
    public void GetPlacements_CoverTheDiskInOrder()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        long position = 0;
        foreach (DiskPlacement placement in disk.GetPlacements(0, disk.Length))
        {
            Assert.Equal(position, placement.Offset);
            Assert.True(placement.Length > 0);
            position = placement.End;
        }

        Assert.Equal(content.Length, position);
    }

    [Fact]
    public void AsStream_Copied_IsTheContent()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        using Stream stream = disk.AsStream();
        using MemoryStream copy = new();
        stream.CopyTo(copy);
        Assert.True(content.AsSpan().SequenceEqual(copy.GetBuffer().AsSpan(0, (int)copy.Length)));
    }

    [Fact]
    public void Dispose_Twice_ThenReading_Throws()
    {
        VirtualDisk disk = OpenDisk(out _);
        disk.Dispose();
        disk.Dispose();
        Assert.Throws<ObjectDisposedException>(() => disk.Read(new byte[1], 0));
    }

    [Fact]
    public async Task ReadAsync_WithACancelledToken_EndsOneWayOrTheOther()
    {
        using VirtualDisk disk = OpenDisk(out byte[] content);
        byte[] buffer = Filled(100);
        try
        {
            int count = await disk.ReadAsync(buffer, 0, new CancellationToken(true));
            AssertRead(content, buffer, 0, count);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static IEnumerable<(long Offset, int Length)> Grid(long length)
    {
        long[] places = [0, 1, 511, 512, 4095, 65535, 65536, length / 3, length / 2, (1 << 20) - 1, 1 << 20, length - 65537, length - 513, length - 1];
        return from place in places where place >= 0 && place < length from count in s_lengths select (place, count);
    }

    private static byte[] Filled(int length)
    {
        byte[] buffer = new byte[length];
        buffer.AsSpan().Fill(0xee);
        return buffer;
    }

    private static void AssertRead(byte[] content, byte[] buffer, long offset, int count)
    {
        Assert.Equal((int)Math.Min(buffer.Length, content.Length - offset), count);
        Assert.True(content.AsSpan((int)offset, count).SequenceEqual(buffer.AsSpan(0, count)), $"The {count} bytes at {offset} are others.");
        Assert.False(buffer.AsSpan(count).ContainsAnyExcept((byte)0xee), $"Bytes behind the {count} read at {offset} were touched.");
    }

    private static void AssertCovers(List<DiskExtent> extents, long offset, long end)
    {
        for (int index = 0; index < extents.Count; index++)
        {
            Assert.Equal(offset, extents[index].Offset);
            Assert.True(extents[index].Length > 0);
            Assert.True(index == 0 || extents[index - 1].Kind != extents[index].Kind, $"{extents[Math.Max(0, index - 1)]} and {extents[index]} are not joined.");
            offset = extents[index].End;
        }

        Assert.Equal(end, offset);
    }
}
