using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vdi;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vdi;

public sealed class VdiFormatTests
{
    private static readonly byte[] s_image = VdiSamples.Write(VmdkSamples.Content(3 << 20, 1), new VdiOptions { BlockSize = 64 << 10 });

    [Theory]
    [InlineData(0x4C, 9u)]
    [InlineData(0x44, 0x00020000u)]
    [InlineData(0x154, 0u)]
    [InlineData(0x154, 0xFFFFFF00u)]
    [InlineData(0x158, 0u)]
    [InlineData(0x158, 0x210u)]
    [InlineData(0x168, 4096u)]
    [InlineData(0x170, 0xFFFFFFFFu)]
    [InlineData(0x174, 0xFFFFFFFFu)]
    [InlineData(0x178, 0u)]
    [InlineData(0x178, 0xFFFFFE00u)]
    [InlineData(0x178, 513u)]
    [InlineData(0x17C, 0xFFFFFFFFu)]
    [InlineData(0x180, 0u)]
    [InlineData(0x180, 0xFFFFFFFFu)]
    public void Open_ImpossibleHeader_IsRefusedWithItsPlace(int offset, uint value)
    {
        byte[] image = [.. s_image];
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);
        DiskFormatException exception = Assert.ThrowsAny<DiskFormatException>(() => VdiSamples.Open(image));
        Assert.Equal("vdi", exception.Format);
        Assert.NotNull(exception.Offset);
    }

    [Fact]
    public void Read_OfABlockBehindTheEnd_IsRefused()
    {
        byte[] image = [.. s_image];
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(512), 0x7FFFFFFF);
        using VirtualDisk disk = VdiSamples.Open(image);
        Assert.Throws<DiskFormatException>(() => disk.Read(new byte[1], 0));
    }

    [Fact]
    public void Open_WithoutParent_ReadsWhatIsThereAndRefusesTheRest()
    {
        byte[] block = new byte[4096];
        block.AsSpan().Fill(7);
        byte[] image = VdiSamples.Differencing(VdiSamples.Id, 4096, 0, 8192, [0, VdiConstants.Unallocated], block);
        using VirtualDisk disk = VdiSamples.Open(image);
        byte[] read = new byte[4096];
        disk.Read(read, 0);
        Assert.Equal(block, read);
        DiskReferenceException exception = Assert.Throws<DiskReferenceException>(() => disk.Read(read, 4096));
        Assert.Contains(VdiSamples.Id.ToString(), exception.Message, StringComparison.Ordinal);
        using VirtualDisk zeroed = VdiFormat.Instance.Open(new MemoryDisk(image), new DiskOpenOptions { IgnoreMissingParent = true });
        Assert.Equal(4096, zeroed.Read(read, 4096));
    }

    [Fact]
    public void Open_WithAnotherParentThanTheOneMeant_IsRefused()
    {
        byte[] parent = VdiSamples.Write(new byte[8192], new VdiOptions { Id = Guid.NewGuid() });
        byte[] image = VdiSamples.Differencing(VdiSamples.Id, 4096, 0, 8192, [VdiConstants.Unallocated, VdiConstants.Unallocated]);
        MemoryResolver resolver = new(($"{{{VdiSamples.Id}}}", parent));
        Assert.Throws<DiskReferenceException>(() => VdiFormat.Instance.Open(new MemoryDisk(image), new DiskOpenOptions { References = resolver }));
    }

    [Fact]
    public void Open_ChainThatNamesItself_EndsAtTheLimit()
    {
        byte[] image = VdiSamples.Differencing(VdiSamples.Id, 4096, 0, 8192, [VdiConstants.Unallocated, VdiConstants.Unallocated]);
        VdiSamples.Id.TryWriteBytes(image.AsSpan(0x188, 16));
        MemoryResolver resolver = new(($"{{{VdiSamples.Id}}}", image));
        DiskReferenceException exception = Assert.Throws<DiskReferenceException>(() => VdiFormat.Instance.Open(new MemoryDisk(image), new DiskOpenOptions { References = resolver }));
        Assert.Contains("64 layers", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Info_OfAnOddSize_IsRoundedUpToASector()
    {
        byte[] image = [.. s_image];
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x170), (3 << 20) - 100);
        using VirtualDisk disk = VdiSamples.Open(image);
        Assert.Equal(3 << 20, disk.Length);
    }

    [Fact]
    public void ParseOptions_KnowsItsNamesAndListsThem()
    {
        VdiOptions options = (VdiOptions)VdiFormat.Instance.ParseOptions(new Dictionary<string, string> { ["static"] = "on", ["block_size"] = "2M" });
        Assert.True(options.IsStatic);
        Assert.Equal(2 << 20, options.BlockSize);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => VdiFormat.Instance.ParseOptions(new Dictionary<string, string> { ["colour"] = "red" }));
        Assert.Contains("block_size", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => VdiFormat.Instance.Create(new MemoryImageSink(), 512, new VdiOptions { BlockSize = 5000 }));
    }

    [Fact]
    public void Mutations_SucceedOrAreRefusedWithAReason()
    {
        byte[] block = new byte[5120];
        List<byte[]> seeds =
        [
            VdiSamples.Write(VmdkSamples.Content(400_000, 3), new VdiOptions { BlockSize = 64 << 10 }),
            VdiSamples.Write(VmdkSamples.Content(150_000, 4), new VdiOptions { BlockSize = 64 << 10, IsStatic = true }),
            VdiSamples.Differencing(VdiSamples.Id, 5120, 32, 20480, [VdiConstants.Unallocated, 1, 0, VdiConstants.Zero], block, block),
        ];
        MutationSuite.Run(VdiFormat.Instance, seeds, MutationSuite.Count(1500), 20261124);
    }
}
