using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Disks;

public sealed class SequentialDiskSourceTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ReadNext_RawFromPipe_DeliversEveryByteInOrder(bool isAsync)
    {
        byte[] content = new byte[300_001];
        new Random(1).NextBytes(content);
        ForwardStream pipe = new(content);
        using SequentialDiskSource source = DiskImage.OpenSequential(pipe, DiskOpenOptions.Default);
        Assert.Null(source.Length);
        byte[] buffer = new byte[65536];
        using MemoryStream copy = new();
        while (true)
        {
            DiskExtent extent = isAsync ? await source.ReadNextAsync(buffer) : source.ReadNext(buffer);
            Assert.Equal(copy.Length, extent.Offset);
            if (extent.Length == 0)
            {
                break;
            }

            copy.Write(buffer, 0, (int)extent.Length);
        }

        Assert.Equal(content, copy.ToArray());
        Assert.Equal(content.Length, source.Length);
    }

    [Fact]
    public void OpenSequential_NoFormatAndNoFallback_Throws()
    {
        ForwardStream pipe = new(new byte[1000]);
        Assert.Throws<DiskFormatException>(() => DiskImage.OpenSequential(pipe, new DiskOpenOptions { AllowRawFallback = false }));
        Assert.True(pipe.IsDisposed);
    }

    [Fact]
    public void ReadNext_BeyondMaxVirtualSize_Throws()
    {
        using SequentialDiskSource source = DiskImage.OpenSequential(
            new ForwardStream(new byte[1000]),
            new DiskOpenOptions { Limits = new DiskReadLimits { MaxVirtualSize = 999 } });
        Assert.Throws<DiskFormatException>(() => source.ReadNext(new byte[4096]));
    }

    [Fact]
    public void Dispose_LeaveOpen_LeavesTheStreamOpen()
    {
        ForwardStream pipe = new(new byte[1000]);
        DiskImage.OpenSequential(pipe, new DiskOpenOptions { LeaveOpen = true }).Dispose();
        Assert.False(pipe.IsDisposed);
    }
}
