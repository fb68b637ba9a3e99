using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>What every format's writer must do. A format's tests derive from it, once for each variant that is worth it.</summary>
public abstract class DiskWriterConformance
{
    /// <summary>The variant under test.</summary>
    protected abstract DiskCreateOptions Options { get; }

    /// <summary>Whether the variant can be written to a pipe.</summary>
    protected virtual bool CanBeSequential => false;

    /// <summary>Whether ranges smaller than a preferred block may be written, in any order.</summary>
    protected virtual bool AllowsPartialBlocks => true;

    /// <summary>Lengths of disks to try; a format that cannot hold one of them says which it can.</summary>
    protected virtual IReadOnlyList<int> Lengths => [512, 65536, 3 << 20, (5 << 20) + 512];

    /// <summary>The length that a disk asked for with another length gets, where the format rounds.</summary>
    protected virtual long Rounded(long length) => length;

    /// <summary>Checks the finished container by other means, such as a peer's tool.</summary>
    protected virtual void CheckContainer(byte[] container, byte[] content)
    {
    }

    /// <summary>Whether a check of a finished container finds nothing that matters.</summary>
    protected virtual bool IsClean(DiskCheckResult result) => result.IsClean;

    private DiskFormat Format => Options.Format;

    [Fact]
    public void Complete_WithoutAWrite_ReadsAsZeros()
    {
        foreach (int length in Lengths)
        {
            MemoryImageSink sink = new();
            using (DiskWriter writer = Format.Create(sink, length, Options))
            {
                Assert.Equal(Rounded(length), writer.Length);
                PlanIfWanted(writer, new BlockMap([new DiskExtent(0, writer.Length, DiskExtentKind.Zero)]));
                writer.Complete();
            }

            AssertContent(sink.ToArray(), new byte[Rounded(length)]);
        }
    }

    [Fact]
    public void Copy_Synchronously_OfDisksOfAllKinds_ReadsBack()
    {
        for (int seed = 0; seed < 12; seed++)
        {
            using TestDisk source = Source(seed, true);
            MemoryImageSink sink = new();
            using (DiskWriter writer = Format.Create(sink, source.Length, Options))
            {
                source.CopyTo(writer, new DiskCopyOptions { WorkerCount = 1 + (seed % 3) }, null);
                writer.Complete();
            }

            AssertContent(sink.ToArray(), source.ToArray(), $"seed {seed}");
        }
    }

    [Fact]
    public async Task Copy_Asynchronously_OfDisksOfAllKinds_ReadsBack()
    {
        for (int seed = 100; seed < 108; seed++)
        {
            using TestDisk source = Source(seed, false);
            MemoryImageSink sink = new();
            await using (DiskWriter writer = Format.Create(sink, source.Length, Options))
            {
                await source.CopyToAsync(writer, new DiskCopyOptions { WorkerCount = 4 }, null, TestContext.Current.CancellationToken);
                await writer.CompleteAsync(TestContext.Current.CancellationToken);
            }

            AssertContent(sink.ToArray(), source.ToArray(), $"seed {seed}");
        }
    }

    [Fact]
    public void Write_WholeBlocksInOrder_ReadsBack()
    {
        byte[] content = new byte[Rounded(Lengths[^1])];
        MemoryImageSink sink = new();
        using (DiskWriter writer = Format.Create(sink, Lengths[^1], Options))
        {
            PlanIfWanted(writer, new BlockMap([new DiskExtent(0, content.Length, DiskExtentKind.Data)]));
            Random random = new(5);
            for (long offset = 0; offset < content.Length; offset += writer.PreferredBlockSize)
            {
                Span<byte> block = content.AsSpan((int)offset, (int)Math.Min(writer.PreferredBlockSize, content.Length - offset));
                if (random.Next(3) > 0)
                {
                    random.NextBytes(block);
                    writer.Write(block, offset);
                }
            }

            writer.Complete();
        }

        AssertContent(sink.ToArray(), content);
    }

    [Fact]
    public void Write_SmallPiecesInAnyOrder_ReadsBack()
    {
        if (!AllowsPartialBlocks)
        {
            return;
        }

        byte[] content = new byte[Rounded(Lengths[^1])];
        MemoryImageSink sink = new();
        using (DiskWriter writer = Format.Create(sink, Lengths[^1], Options))
        {
            PlanIfWanted(writer, new BlockMap([new DiskExtent(0, content.Length, DiskExtentKind.Data)]));
            Random random = new(6);
            int[] pieces = [.. Enumerable.Range(0, content.Length / 512).Where(_ => random.Next(3) == 0)];
            random.Shuffle(pieces);
            foreach (int piece in pieces)
            {
                random.NextBytes(content.AsSpan(piece * 512, 512));
                writer.Write(content.AsSpan(piece * 512, 512), piece * 512L);
            }

            writer.Complete();
        }

        AssertContent(sink.ToArray(), content);
    }

    [Fact]
    public void Write_OutsideTheDisk_Throws()
    {
        using DiskWriter writer = Format.Create(new MemoryImageSink(), Lengths[0], Options);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(new byte[1], writer.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(new byte[1], -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.WriteZeroes(writer.Length, 1));
    }

    [Fact]
    public void Write_AfterComplete_Throws()
    {
        using DiskWriter writer = Format.Create(new MemoryImageSink(), Lengths[0], Options);
        PlanIfWanted(writer, new BlockMap([new DiskExtent(0, writer.Length, DiskExtentKind.Zero)]));
        writer.Complete();
        Assert.Throws<InvalidOperationException>(() => writer.Write(new byte[1], 0));
        Assert.Throws<InvalidOperationException>(writer.Complete);
    }

    [Fact]
    public void Dispose_WithoutComplete_LeavesNothing()
    {
        using TempFolder folder = new();
        using (TestDisk source = Source(3, true))
        using (DiskWriter writer = DiskImage.Create(folder.File("disk"), source.Length, Options))
        {
            source.CopyTo(writer, DiskCopyOptions.Default, null);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Copy_IntoAPipe_ReadsBack()
    {
        if (!CanBeSequential)
        {
            return;
        }

        for (int seed = 200; seed < 206; seed++)
        {
            using TestDisk source = Source(seed, true);
            using MemoryStream pipe = new();
            using (DiskWriter writer = Format.Create(new StreamImageSink(new ForwardOnlyStream(pipe), false), source.Length, Options))
            {
                source.CopyTo(writer, new DiskCopyOptions { WorkerCount = 3 }, null);
                writer.Complete();
            }

            AssertContent(pipe.ToArray(), source.ToArray(), $"seed {seed}");
        }
    }

    [Fact]
    public void Crash_AtAnyCall_LeavesNothingThatLooksFinished()
    {
        using TestDisk source = Source(7, true);
        FaultingImageSink whole = new(int.MaxValue);
        Write(source, whole);
        byte[] finished = whole.Published["disk"];
        AssertContent(finished, source.ToArray());
        int step = Math.Max(1, whole.Calls / 150);
        for (int calls = 0; calls < whole.Calls; calls += step)
        {
            FaultingImageSink sink = new(calls);
            Assert.Throws<FaultException>(() => Write(source, sink));
            Assert.Empty(sink.Published);
        }

        FaultingImageSink last = new(whole.Calls - 1);
        Assert.Throws<FaultException>(() => Write(source, last));
        Assert.Empty(last.Published);
    }

    private void Write(TestDisk source, ImageSink sink)
    {
        using DiskWriter writer = Format.Create(sink, source.Length, Options);
        source.CopyTo(writer, new DiskCopyOptions { WorkerCount = 1 }, null);
        writer.Complete();
    }

    private TestDisk Source(int seed, bool isLocal) =>
        TestDisk.Random(seed, Lengths[seed % Lengths.Count], seed % 2 == 0 ? 4096 : 70_144, isLocal);

    private void AssertContent(byte[] container, byte[] content, string what = "")
    {
        using VirtualDisk disk = Format.Open(new MemoryDisk(container), DiskOpenOptions.Default);
        Assert.Equal(Rounded(content.Length), disk.Length);
        byte[] read = new byte[disk.Length];
        Assert.Equal(read.Length, disk.Read(read, 0));
        int difference = read.AsSpan(0, content.Length).CommonPrefixLength(content);
        Assert.True(difference == content.Length, $"The disk differs at {difference} of {content.Length}. {what}");
        Assert.False(read.AsSpan(content.Length).ContainsAnyExcept((byte)0), $"The rounded end is not zero. {what}");
        if (Format.CanCheck)
        {
            using MemoryDisk image = new(container);
            DiskCheckResult result = Format.Check(image, DiskOpenOptions.Default);
            Assert.True(IsClean(result), string.Join(Environment.NewLine, result.Problems) + what);
        }

        CheckContainer(container, content);
    }

    private static void PlanIfWanted(DiskWriter writer, BlockMap map)
    {
        if (writer.RequiresPlan)
        {
            writer.Plan(map);
        }
    }
}
