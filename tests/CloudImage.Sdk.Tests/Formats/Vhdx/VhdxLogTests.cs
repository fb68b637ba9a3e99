using System;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

/// <summary>Which entries of a log are replayed, and what they do.</summary>
public sealed class VhdxLogTests
{
    private static readonly Guid s_logId = new("00112233-4455-6677-8899-aabbccddeeff");
    private static readonly byte[] s_content = ImageBytes.Random(1, 3 << 20);
    private static readonly byte[] s_image = ImageBytes.Of(new TestDisk(s_content), new VhdxOptions { UseZeroBlockState = false });

    [Fact]
    public void Open_OneEntry_AppliesItsPage()
    {
        byte[] image = Dirty(static bytes => VhdxBytes.PutLogEntry(bytes, 0, s_logId, 1, 0, Entries(bytes, 1)));
        AssertBlocksGone(image, 1);
        using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.True(disk.Info.IsDirty);
        Assert.Equal("1", disk.Info.Details["logEntriesToReplay"]);
        Assert.False(VhdxFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default).IsConsistent);
    }

    [Fact]
    public void Open_TailInTheMiddle_ReplaysFromThere()
    {
        byte[] image = Dirty(static bytes =>
        {
            VhdxBytes.PutLogEntry(bytes, 0, s_logId, 1, 0, Entries(bytes, 0));
            VhdxBytes.PutLogEntry(bytes, 8192, s_logId, 2, 0, new VhdxLogChange(16 << 20, 4096, new byte[4096]));
            VhdxBytes.PutLogEntry(bytes, 16384, s_logId, 3, 8192, Entries(bytes, 2));
        });
        AssertBlocksGone(image, 2);
    }

    [Fact]
    public void Open_SeveralSequences_TheHighestCounts()
    {
        byte[] image = Dirty(static bytes =>
        {
            VhdxBytes.PutLogEntry(bytes, 0, s_logId, 7, 0, Entries(bytes, 0));
            VhdxBytes.PutLogEntry(bytes, 65536, s_logId, 9, 65536, Entries(bytes, 1));
            VhdxBytes.PutLogEntry(bytes, 131072, Guid.NewGuid(), 50, 131072, Entries(bytes, 2));
        });
        AssertBlocksGone(image, 1);
    }

    [Fact]
    public void Open_RingThatWraps_Reads()
    {
        int last = (1 << 20) - 8192;
        byte[] image = Dirty(bytes =>
        {
            VhdxBytes.PutLogEntry(bytes, last, s_logId, 4, (uint)last, Entries(bytes, 0));
            VhdxBytes.PutLogEntry(bytes, 0, s_logId, 5, (uint)last, new VhdxLogChange(20 << 20, 4096, null));
        });
        AssertBlocksGone(image, 0);
    }

    [Fact]
    public void Open_TornLastEntry_ReplaysThoseBefore()
    {
        byte[] image = Dirty(static bytes =>
        {
            VhdxBytes.PutLogEntry(bytes, 0, s_logId, 1, 0, Entries(bytes, 0));
            VhdxBytes.PutLogEntry(bytes, 8192, s_logId, 2, 8192, Entries(bytes, 1));
            bytes[(1 << 20) + 8192 + 5000] ^= 1;
        });
        AssertBlocksGone(image, 0);
    }

    [Fact]
    public void Open_LogIdZero_IgnoresWhatTheLogHolds()
    {
        byte[] image = [.. s_image];
        VhdxBytes.PutLogEntry(image, 0, s_logId, 1, 0, Entries(image, 1));
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image));
    }

    [Fact]
    public void Open_ZerosAndPagesThatOverlap_TheLaterHolds()
    {
        // Pages of the first block's data: zeros over page, page over zeros, both orders in one entry.
        long data = (long)(VhdxBytes.Entry(s_image, 0) & ~0xFFFFFUL);
        byte[] page = ImageBytes.Random(2, 4096);
        byte[] image = Dirty(bytes => VhdxBytes.PutLogEntry(
            bytes,
            0,
            s_logId,
            1,
            0,
            new VhdxLogChange(data, 4096, page),
            new VhdxLogChange(data, 16384, null),
            new VhdxLogChange(data + 4096, 4096, page),
            new VhdxLogChange(data + 8192, 4096, null),
            new VhdxLogChange(data + 32768, 65536, null)));
        byte[] expected = [.. s_content];
        expected.AsSpan(0, 16384).Clear();
        page.CopyTo(expected, 4096);
        expected.AsSpan(32768, 65536).Clear();
        ImageBytes.AssertEqual(expected, ImageBytes.Read(VhdxFormat.Instance, image));
        using CrashingImageEditor editor = new(image);
        VhdxFormat.Instance.Resize(editor, 3 << 20, DiskResizeOptions.Default);
        ImageBytes.AssertEqual(expected, ImageBytes.Read(VhdxFormat.Instance, editor.ToArray()));
        Assert.Empty(VhdxFormat.Instance.Check(new MemoryDisk(editor.ToArray()), DiskOpenOptions.Default).Problems);
    }

    [Fact]
    public void Open_NoValidSequence_IsRefusedAndLenientlyIgnored()
    {
        byte[] image = Dirty(static bytes => VhdxBytes.PutLogEntry(bytes, 4096, s_logId, 1, 0, Entries(bytes, 1)));
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdxFormat.Instance, image));
        Assert.Contains("no valid sequence", exception.Message, StringComparison.Ordinal);
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image, new DiskOpenOptions { IsLenient = true }));
    }

    [Fact]
    public void Open_FileCutBehindItsLog_IsRefused()
    {
        byte[] image = Dirty(static bytes => VhdxBytes.PutLogEntry(bytes, 0, s_logId, 1, 0, Entries(bytes, 1)));
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdxFormat.Instance, image[..^4096]));
        Assert.Contains("was cut", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(68, uint.MaxValue)]
    [InlineData(68, 0U)]
    [InlineData(72, 1U << 30)]
    [InlineData(64, 0x00010001U)]
    public void Open_LogImpossible_IsRefused(int field, uint value)
    {
        byte[] image = Dirty(static bytes => VhdxBytes.PutLogEntry(bytes, 0, s_logId, 1, 0, Entries(bytes, 1)));
        image = VhdxBytes.WithHeaders(image, (bytes, header) => VhdxBytes.SetUInt32(bytes, header + field, value));
        Assert.ThrowsAny<DiskFormatException>(() => ImageBytes.Read(VhdxFormat.Instance, image));
    }

    [Fact]
    public void Open_ZerosOverEverything_EndsWithAReason()
    {
        byte[] image = Dirty(static bytes => VhdxBytes.PutLogEntry(bytes, 0, s_logId, 1, 0, new VhdxLogChange(0, 1L << 60, null)));
        Assert.ThrowsAny<DiskFormatException>(() => ImageBytes.Read(VhdxFormat.Instance, image));
    }

    private static byte[] Dirty(Action<byte[]> put) => VhdxBytes.WithHeaders(VhdxBytes.With(s_image, put), static (bytes, header) => s_logId.TryWriteBytes(bytes.AsSpan(header + 48)));

    /// <summary>The page of the block table in which one block is no longer stored.</summary>
    private static VhdxLogChange Entries(byte[] image, int missing)
    {
        byte[] page = image.AsSpan(VhdxBytes.Bat, 4096).ToArray();
        page.AsSpan(missing * 8, 8).Clear();
        return new VhdxLogChange(VhdxBytes.Bat, 4096, page);
    }

    private static void AssertBlocksGone(byte[] image, params int[] blocks)
    {
        byte[] expected = [.. s_content];
        foreach (int block in blocks)
        {
            expected.AsSpan(block << 20, 1 << 20).Clear();
        }

        byte[] before = [.. image];
        ImageBytes.AssertEqual(expected, ImageBytes.Read(VhdxFormat.Instance, image));
        Assert.True(before.SequenceEqual(image));

        // What is replayed in the file is what was seen before.
        using CrashingImageEditor editor = new(image);
        VhdxFormat.Instance.Resize(editor, 3 << 20, DiskResizeOptions.Default);
        ImageBytes.AssertEqual(expected, ImageBytes.Read(VhdxFormat.Instance, editor.ToArray()));
        Assert.True(VhdxFormat.Instance.Check(new MemoryDisk(editor.ToArray()), DiskOpenOptions.Default).IsConsistent);
    }
}
