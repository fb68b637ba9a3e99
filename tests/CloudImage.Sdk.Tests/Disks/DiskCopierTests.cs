using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using CsCheck;
using Xunit;

namespace CloudImage.Sdk.Tests.Disks;

public sealed class DiskCopierTests
{
    private static readonly Gen<(int Seed, int Length, int Granularity, int Workers, int Mode)> s_cases = Gen.Select(
        Gen.Int[0, int.MaxValue - 1], Gen.Int[0, 5 << 20], Gen.Int[1, 200_000], Gen.Int[0, 5], Gen.Int[0, 7]);

    [Fact]
    public void Copy_OfAnyDiskToAnyWriter_GivesItsContent() =>
        s_cases.Sample(
            static one =>
            {
                using TestDisk source = TestDisk.Random(one.Seed, one.Length, one.Granularity, (one.Mode & 1) == 0);
                using ModelWriter writer = new(one.Length, 4096 << (one.Seed % 5), (one.Mode & 2) != 0, (one.Mode & 4) != 0);
                DiskCopyOptions options = new() { WorkerCount = one.Workers, DetectZeroes = one.Seed % 3 > 0 };
                if ((one.Mode & 1) == 0)
                {
                    source.CopyTo(writer, options, null);
                }
                else
                {
                    source.CopyToAsync(writer, options, null).GetAwaiter().GetResult();
                }

                return writer.Content.AsSpan().SequenceEqual(source.ToArray());
            },
            iter: 60);

    [Fact]
    public void Copy_OverAParent_WritesOnlyWhatDiffers() =>
        s_cases.Sample(
            static one =>
            {
                using TestDisk parent = TestDisk.Random(one.Seed, (int)(one.Length * 0.8), one.Granularity, true);
                byte[] changed = new byte[one.Length];
                parent.ToArray().CopyTo(changed, 0);
                Random random = new(one.Seed + 1);
                for (int change = 0; change < 5 && one.Length > 0; change++)
                {
                    int place = random.Next(one.Length);
                    int count = Math.Min(random.Next(100_000), one.Length - place);
                    if (random.Next(2) == 0)
                    {
                        changed.AsSpan(place, count).Clear();
                    }
                    else
                    {
                        random.NextBytes(changed.AsSpan(place, count));
                    }
                }

                using TestDisk source = new(changed, new BlockMap([new DiskExtent(0, changed.Length, DiskExtentKind.Data)]), (one.Mode & 1) == 0);
                using ModelWriter writer = new(one.Length, 4096 << (one.Seed % 5), (one.Mode & 2) != 0, (one.Mode & 4) != 0, parent.ToArray());
                source.CopyTo(writer, new DiskCopyOptions { WorkerCount = one.Workers, Parent = parent }, null);
                writer.AssertOnlyDifferencesWritten(changed);
                return writer.Content.AsSpan().SequenceEqual(changed);
            },
            iter: 60);

    [Fact]
    public void Copy_OfAKnownHole_ReadsNothingThere()
    {
        byte[] content = new byte[8 << 20];
        content.AsSpan(1 << 20, 4096).Fill(1);
        using TestDisk source = new(content, new BlockMap(
        [
            new DiskExtent(0, 1 << 20, DiskExtentKind.Zero),
            new DiskExtent(1 << 20, 4096, DiskExtentKind.Data),
            new DiskExtent((1 << 20) + 4096, (7 << 20) - 4096, DiskExtentKind.Unmapped),
        ]), true);
        using ModelWriter writer = new(content.Length, 4096, false, false);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        Assert.Equal(content, writer.Content);
        Assert.InRange(source.BytesRead, 4096, 4097);
    }

    [Fact]
    public void Copy_OfAHugeSparseDisk_IsQuickAndSmall()
    {
        using HugeDisk source = new(64L << 40);
        using CountingWriter writer = new(source.Length);
        long before = GC.GetTotalAllocatedBytes();
        source.CopyTo(writer, new DiskCopyOptions { WorkerCount = 2 }, new ImmediateProgress(static _ => { }));
        Assert.Equal(3, writer.Writes);
        Assert.True(GC.GetTotalAllocatedBytes() - before < 64 << 20);
    }

    [Fact]
    public void Copy_WhenTheSourceFails_ThrowsItsFault()
    {
        using TestDisk source = TestDisk.Random(1, 16 << 20, 65536, true);
        source.OnRead = static offset => _ = offset < 5 << 20 ? 0 : throw new FaultException();
        foreach ((bool isSequential, bool encodes) in (ReadOnlySpan<(bool, bool)>)[(false, false), (true, false), (true, true)])
        {
            using ModelWriter writer = new(16 << 20, 65536, isSequential, encodes);
            Assert.Throws<FaultException>(() => source.CopyTo(writer, new DiskCopyOptions { WorkerCount = 4 }, null));
            Assert.Equal(0, writer.BlocksAlive);
        }
    }

    [Fact]
    public async Task Copy_WhenTheWriterFails_ThrowsItsFault()
    {
        using TestDisk source = TestDisk.Random(1, 16 << 20, 65536, false);
        foreach ((bool isSequential, bool encodes) in (IEnumerable<(bool, bool)>)[(false, false), (true, false), (true, true)])
        {
            using ModelWriter writer = new(16 << 20, 65536, isSequential, encodes) { FailsAt = 6 << 20 };
            await Assert.ThrowsAsync<FaultException>(() => source.CopyToAsync(writer, new DiskCopyOptions { WorkerCount = 4 }, null, TestContext.Current.CancellationToken));
            Assert.Equal(0, writer.BlocksAlive);
        }
    }

    [Fact]
    public async Task Copy_Cancelled_Throws()
    {
        foreach (bool isLocal in (IEnumerable<bool>)[true, false])
        {
            using CancellationTokenSource stop = new();
            using TestDisk source = TestDisk.Random(1, 16 << 20, 65536, isLocal);
            source.OnRead = offset =>
            {
                if (offset > 4 << 20)
                {
                    stop.Cancel();
                }
            };
            using ModelWriter writer = new(16 << 20, 65536, true, true);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.CopyToAsync(writer, DiskCopyOptions.Default, null, stop.Token));
            Assert.Equal(0, writer.BlocksAlive);
        }
    }

    [Fact]
    public void Copy_ToAShorterDisk_Throws()
    {
        using TestDisk source = TestDisk.Random(1, 8192, 4096, true);
        using ModelWriter writer = new(4096, 4096, false, false);
        Assert.Throws<ArgumentException>(() => source.CopyTo(writer, DiskCopyOptions.Default, null));
    }

    [Fact]
    public void Copy_ToALongerDisk_LeavesZerosBehind()
    {
        using TestDisk source = TestDisk.Random(8, 100_001, 4096, true);
        using ModelWriter writer = new(1 << 20, 65536, false, true);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        Assert.True(writer.Content.AsSpan(0, 100_001).SequenceEqual(source.ToArray()));
        Assert.False(writer.Content.AsSpan(100_001).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Copy_OfAnOverlayWithoutItsParent_Throws()
    {
        using OrphanDisk source = new();
        using ModelWriter writer = new((int)source.Length, 4096, false, false);
        Assert.Throws<DiskReferenceException>(() => source.CopyTo(writer, DiskCopyOptions.Default, null));
    }

    [Fact]
    public void Progress_RisesToTheTotal()
    {
        using TestDisk source = TestDisk.Random(5, 9 << 20, 65536, true);
        using ModelWriter writer = new(9 << 20, 65536, true, false);
        List<DiskProgress> reports = [];
        source.CopyTo(writer, DiskCopyOptions.Default, new ImmediateProgress(reports.Add));
        Assert.NotEmpty(reports);
        Assert.Equal(reports.Select(static report => report.BytesDone).Order(), reports.Select(static report => report.BytesDone));
        Assert.Equal(reports[^1].BytesTotal, reports[^1].BytesDone);
        Assert.Equal(BlockMap.Of(source).DataLength, reports[^1].BytesTotal);
    }

    [Fact]
    public async Task CopySequential_OfAnyStream_GivesItsContent()
    {
        byte[] content = TestDisk.Random(12, (5 << 20) + 77, 30_000, true).ToArray();
        foreach (bool encodes in (IEnumerable<bool>)[true, false])
        {
            using SequentialDiskSource source = DiskImage.OpenSequential(new MemoryStream(content), new Sdk.Formats.DiskOpenOptions { Format = RawFormat.Instance });
            using ModelWriter writer = new(content.Length, 65536, true, encodes);
            await DiskCopier.CopyAsync(source, writer, new DiskCopyOptions { WorkerCount = 3 }, null, TestContext.Current.CancellationToken);
            Assert.Equal(content, writer.Content);
        }
    }

    private sealed class ImmediateProgress(Action<DiskProgress> report) : IProgress<DiskProgress>
    {
        public void Report(DiskProgress value) => report(value);
    }

    private sealed class OrphanDisk : MappedDisk
    {
        public override DiskInfo Info { get; } = new() { FormatName = "qcow2", VirtualSize = 65536, References = [new DiskReference(DiskReferenceKind.Parent, "base.raw")] };

        public override long Length => 65536;

        protected override bool HasMissingParent => true;

        protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
            ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Unmapped));
    }

    private sealed class HugeDisk(long length) : MappedDisk
    {
        private static readonly byte[] s_block = Enumerable.Repeat((byte)7, 4096).ToArray();
        private readonly MemoryDisk _container = new(s_block);

        public override DiskInfo Info { get; } = new() { FormatName = "raw", VirtualSize = length };

        public override long Length => length;

        public override bool IsLocal => true;

        // A page of data at the start, in the middle and at the end.
        protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long count, IoMode mode, CancellationToken cancellationToken)
        {
            foreach (long place in (ReadOnlySpan<long>)[0, Length / 2, Length - 4096])
            {
                if (offset < place)
                {
                    return ValueTask.FromResult(new DiskPlacement(offset, Math.Min(count, place - offset), DiskExtentKind.Unmapped));
                }

                if (offset < place + 4096)
                {
                    return ValueTask.FromResult(new DiskPlacement(offset, Math.Min(count, place + 4096 - offset), DiskExtentKind.Data, offset - place, _container, 0, false, 0));
                }
            }

            throw new InvalidOperationException();
        }
    }

    private sealed class CountingWriter(long length) : DiskWriter
    {
        private int _writes;

        public int Writes => _writes;

        public override long Length => length;

        public override bool IsLocal => true;

        public override int PreferredBlockSize => 65536;

        protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _writes);
            return ValueTask.CompletedTask;
        }

        protected override ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        protected override ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
