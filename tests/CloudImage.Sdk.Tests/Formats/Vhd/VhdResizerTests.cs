using System;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhd;

public sealed class VhdResizerTests
{
    private const int BlockSize = 512 << 10;

    [Theory]
    [InlineData(VhdVariant.Dynamic, 1_000_448, 1_000_960)]
    [InlineData(VhdVariant.Dynamic, 1_000_448, 5 << 20)]
    [InlineData(VhdVariant.Dynamic, 1_000_448, 300 << 20)]
    [InlineData(VhdVariant.Dynamic, 1_000_448, 512)]
    [InlineData(VhdVariant.Dynamic, 3 << 20, 1 << 20)]
    [InlineData(VhdVariant.Fixed, 1_000_448, 1_000_960)]
    [InlineData(VhdVariant.Fixed, 1_000_448, 5 << 20)]
    [InlineData(VhdVariant.Fixed, 1_000_448, 512)]
    public void Resize_WithLossAllowed_KeepsWhatRemainsAndAddsZeros(VhdVariant variant, int before, int after)
    {
        byte[] content = ImageBytes.Random(before, before);
        using CrashingImageEditor editor = new(Image(variant, content));
        VhdFormat.Instance.Resize(editor, after, new DiskResizeOptions { AllowDataLoss = true });
        byte[] image = editor.ToArray();
        ImageBytes.AssertEqual(Expected(content, after), ImageBytes.Read(VhdFormat.Instance, image));
        DiskCheckResult result = VhdFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Empty(result.Problems.Select(static problem => problem.ToString()));
        if (variant == VhdVariant.Fixed)
        {
            Assert.Equal(after + 512, image.Length);
        }
    }

    [Theory]
    [InlineData(VhdVariant.Dynamic)]
    [InlineData(VhdVariant.Fixed)]
    public void Resize_DownAndUpAgain_ShowsZerosWhereDataWas(VhdVariant variant)
    {
        byte[] content = ImageBytes.Random(8, 3 << 20);
        using CrashingImageEditor editor = new(Image(variant, content));
        VhdFormat.Instance.Resize(editor, 1_000_448, new DiskResizeOptions { AllowDataLoss = true });
        VhdFormat.Instance.Resize(editor, 3 << 20, DiskResizeOptions.Default);
        ImageBytes.AssertEqual(Expected(content[..1_000_448], 3 << 20), ImageBytes.Read(VhdFormat.Instance, editor.ToArray()));
    }

    [Theory]
    [InlineData(VhdVariant.Dynamic)]
    [InlineData(VhdVariant.Fixed)]
    public void Resize_OverData_IsRefusedAndChangesNothing(VhdVariant variant)
    {
        byte[] content = new byte[3 << 20];
        content[(2 << 20) + 5] = 1;
        byte[] image = Image(variant, content);
        using CrashingImageEditor editor = new(image);
        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => VhdFormat.Instance.Resize(editor, 2 << 20, DiskResizeOptions.Default));
        Assert.Contains("2097157", exception.Message, StringComparison.Ordinal);
        ImageBytes.AssertEqual(image, editor.ToArray());
        VhdFormat.Instance.Resize(editor, (2 << 20) + 512, DiskResizeOptions.Default);
        ImageBytes.AssertEqual(content.AsSpan(0, (2 << 20) + 512), ImageBytes.Read(VhdFormat.Instance, editor.ToArray()));
    }

    [Theory]
    [InlineData(VhdVariant.Dynamic, 1_000_448, 1_500_160)]
    [InlineData(VhdVariant.Dynamic, 1_000_448, 200 << 20)]
    [InlineData(VhdVariant.Dynamic, 3 << 20, 1_000_448)]
    [InlineData(VhdVariant.Fixed, 1_000_448, 1_000_960)]
    [InlineData(VhdVariant.Fixed, 1_000_448, 2 << 20)]
    [InlineData(VhdVariant.Fixed, 1_000_448, 500_224)]
    public void Resize_CutOffAtAnyCall_LeavesTheOldOrTheNewDisk(VhdVariant variant, int before, int after)
    {
        byte[] content = ImageBytes.Random(before, before);
        byte[] expected = Expected(content, after);
        DiskResizeOptions options = new() { AllowDataLoss = true };
        CrashingImageEditor.TryEveryCrash(
            Image(variant, content),
            editor => VhdFormat.Instance.Resize(editor, after, options),
            (image, what) =>
            {
                using VirtualDisk disk = VhdFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
                byte[] read = new byte[Math.Min(disk.Length, 4 << 20)];
                disk.Read(read, 0);
                byte[] right = disk.Length == before ? content : expected;
                Assert.True(disk.Length == right.Length, $"{what}: the disk has {disk.Length} bytes.");
                ImageBytes.AssertEqual(right.AsSpan(0, read.Length), read, what);
            },
            17);
    }

    [Fact]
    public void Resize_ToAnImpossibleLength_IsRefused()
    {
        using CrashingImageEditor editor = new(Image(VhdVariant.Dynamic, new byte[1 << 20]));
        Assert.Throws<InvalidOperationException>(() => VhdFormat.Instance.Resize(editor, 1000, DiskResizeOptions.Default));
        Assert.Throws<InvalidOperationException>(() => VhdFormat.Instance.Resize(editor, 4L << 40, DiskResizeOptions.Default));
    }

    [Fact]
    public void Resize_Differencing_IsRefused()
    {
        DiskReference parent = new(DiskReferenceKind.Parent, "p.vhd") { LinkageId = Guid.NewGuid().ToString() };
        using CrashingImageEditor editor = new(ImageBytes.Of(1 << 20, new VhdOptions { Parent = parent }, static _ => { }));
        Assert.Throws<InvalidOperationException>(() => VhdFormat.Instance.Resize(editor, 2 << 20, DiskResizeOptions.Default));
    }

    private static byte[] Image(VhdVariant variant, byte[] content) =>
        ImageBytes.Of(new TestDisk(content), new VhdOptions { Variant = variant, BlockSize = BlockSize, AlignToMebibyte = false });

    private static byte[] Expected(byte[] content, int length)
    {
        byte[] expected = new byte[length];
        content.AsSpan(0, Math.Min(length, content.Length)).CopyTo(expected);
        return expected;
    }
}
