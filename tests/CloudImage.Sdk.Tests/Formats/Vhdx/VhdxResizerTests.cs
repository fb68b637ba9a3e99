using System;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

public sealed class VhdxResizerTests
{
    [Theory]
    [InlineData(VhdxVariant.Dynamic, 1_000_448, 1_000_960)]
    [InlineData(VhdxVariant.Dynamic, 1_000_448, 5 << 20)]
    [InlineData(VhdxVariant.Dynamic, 1_000_448, 300 << 20)]
    [InlineData(VhdxVariant.Dynamic, 1_000_448, 512)]
    [InlineData(VhdxVariant.Dynamic, 3 << 20, 1 << 20)]
    [InlineData(VhdxVariant.Fixed, 1_000_448, 1_000_960)]
    [InlineData(VhdxVariant.Fixed, 1_000_448, 5 << 20)]
    [InlineData(VhdxVariant.Fixed, 1_000_448, 512)]
    public void Resize_WithLossAllowed_KeepsWhatRemainsAndAddsZeros(VhdxVariant variant, int before, int after)
    {
        byte[] content = ImageBytes.Random(before, before);
        using CrashingImageEditor editor = new(Image(variant, content));
        VhdxFormat.Instance.Resize(editor, after, new DiskResizeOptions { AllowDataLoss = true });
        byte[] image = editor.ToArray();
        ImageBytes.AssertEqual(Expected(content, after), ImageBytes.Read(VhdxFormat.Instance, image));
        DiskCheckResult result = VhdxFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Empty(result.Problems.Select(static problem => problem.ToString()));
    }

    [Theory]
    [InlineData(VhdxVariant.Dynamic)]
    [InlineData(VhdxVariant.Fixed)]
    public void Resize_DownAndUpAgain_ShowsZerosWhereDataWas(VhdxVariant variant)
    {
        byte[] content = ImageBytes.Random(8, 3 << 20);
        using CrashingImageEditor editor = new(Image(variant, content));
        VhdxFormat.Instance.Resize(editor, 1_000_448, new DiskResizeOptions { AllowDataLoss = true });
        VhdxFormat.Instance.Resize(editor, 3 << 20, DiskResizeOptions.Default);
        ImageBytes.AssertEqual(Expected(content[..1_000_448], 3 << 20), ImageBytes.Read(VhdxFormat.Instance, editor.ToArray()));
    }

    [Theory]
    [InlineData(VhdxVariant.Dynamic)]
    [InlineData(VhdxVariant.Fixed)]
    public void Resize_OverData_IsRefusedAndChangesNothing(VhdxVariant variant)
    {
        byte[] content = new byte[3 << 20];
        content[(2 << 20) + 5] = 1;
        byte[] image = Image(variant, content);
        using CrashingImageEditor editor = new(image);
        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => VhdxFormat.Instance.Resize(editor, 2 << 20, DiskResizeOptions.Default));
        Assert.Contains("2097157", exception.Message, StringComparison.Ordinal);
        ImageBytes.AssertEqual(image, editor.ToArray());
        VhdxFormat.Instance.Resize(editor, (2 << 20) + 512, DiskResizeOptions.Default);
        ImageBytes.AssertEqual(content.AsSpan(0, (2 << 20) + 512), ImageBytes.Read(VhdxFormat.Instance, editor.ToArray()));
    }

    [Theory]
    [InlineData(VhdxVariant.Dynamic, 1_000_448, 1_500_160)]
    [InlineData(VhdxVariant.Dynamic, 1_000_448, 200 << 20)]
    [InlineData(VhdxVariant.Dynamic, 3 << 20, 1_000_448)]
    [InlineData(VhdxVariant.Fixed, 1_000_448, 1_000_960)]
    [InlineData(VhdxVariant.Fixed, 1_000_448, 2 << 20)]
    [InlineData(VhdxVariant.Fixed, 1_000_448, 500_224)]
    public void Resize_CutOffAtAnyCall_LeavesTheOldOrTheNewDisk(VhdxVariant variant, int before, int after)
    {
        byte[] content = ImageBytes.Random(before, before);
        byte[] expected = Expected(content, after);
        DiskResizeOptions options = new() { AllowDataLoss = true };
        CrashingImageEditor.TryEveryCrash(
            Image(variant, content),
            editor => VhdxFormat.Instance.Resize(editor, after, options),
            (image, what) =>
            {
                using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
                byte[] read = new byte[Math.Min(disk.Length, 4 << 20)];
                disk.Read(read, 0);
                byte[] right = disk.Length == before ? content : expected;
                Assert.True(disk.Length == right.Length, $"{what}: the disk has {disk.Length} bytes.");
                ImageBytes.AssertEqual(right.AsSpan(0, read.Length), read, what);
            },
            17);
    }

    [Fact]
    public void Resize_BeyondTheRoomOfTheTable_MovesIt_AndACrashLeavesTheOldOrTheNewDisk()
    {
        byte[] content = ImageBytes.Random(9, 2 << 20);
        byte[] before = Image(VhdxVariant.Dynamic, content);
        long length = 200L << 30;
        using CrashingImageEditor whole = new(before);
        VhdxFormat.Instance.Resize(whole, length, DiskResizeOptions.Default);
        DiskCheckResult result = VhdxFormat.Instance.Check(new MemoryDisk(whole.ToArray()), DiskOpenOptions.Default);
        Assert.All(result.Problems, static problem => Assert.Equal(DiskProblemKind.Leak, problem.Kind));
        CrashingImageEditor.TryEveryCrash(
            before,
            editor => VhdxFormat.Instance.Resize(editor, length, DiskResizeOptions.Default),
            (image, what) =>
            {
                using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
                Assert.True(disk.Length == content.Length || disk.Length == length, what);
                Assert.Equal(content.Length, BlockMap.Of(disk).DataLength);
                byte[] read = new byte[content.Length];
                disk.Read(read, 0);
                ImageBytes.AssertEqual(content, read, what);
            },
            18);
    }

    [Fact]
    public void Resize_CutOff_CanBeDoneAgain()
    {
        byte[] content = ImageBytes.Random(10, 1_000_448);
        byte[] expected = Expected(content, 3 << 20);
        CrashingImageEditor.TryEveryCrash(
            Image(VhdxVariant.Dynamic, content),
            static editor => VhdxFormat.Instance.Resize(editor, 3 << 20, DiskResizeOptions.Default),
            (image, what) =>
            {
                using CrashingImageEditor again = new(image);
                VhdxFormat.Instance.Resize(again, 3 << 20, DiskResizeOptions.Default);
                ImageBytes.AssertEqual(expected, ImageBytes.Read(VhdxFormat.Instance, again.ToArray()), what);
                Assert.True(VhdxFormat.Instance.Check(new MemoryDisk(again.ToArray()), DiskOpenOptions.Default).IsConsistent, what);
            },
            19);
    }

    [Fact]
    public void Resize_ChangesTheIdOfTheContent()
    {
        byte[] before = Image(VhdxVariant.Dynamic, new byte[1 << 20]);
        using CrashingImageEditor editor = new(before);
        VhdxFormat.Instance.Resize(editor, 2 << 20, DiskResizeOptions.Default);
        using VirtualDisk old = VhdxFormat.Instance.Open(new MemoryDisk(before), DiskOpenOptions.Default);
        using VirtualDisk resized = VhdxFormat.Instance.Open(new MemoryDisk(editor.ToArray()), DiskOpenOptions.Default);
        Assert.NotEqual(old.Info.LinkageId, resized.Info.LinkageId);
        Assert.False(resized.Info.IsDirty);
    }

    [Fact]
    public void Resize_ToAnImpossibleLength_IsRefused()
    {
        using CrashingImageEditor editor = new(Image(VhdxVariant.Dynamic, new byte[1 << 20]));
        Assert.Throws<InvalidOperationException>(() => VhdxFormat.Instance.Resize(editor, 1000, DiskResizeOptions.Default));
        Assert.Throws<InvalidOperationException>(() => VhdxFormat.Instance.Resize(editor, 65L << 40, DiskResizeOptions.Default));
    }

    [Fact]
    public void Resize_Differencing_IsRefused()
    {
        DiskReference parent = new(DiskReferenceKind.Parent, "p.vhdx") { LinkageId = Guid.NewGuid().ToString() };
        using CrashingImageEditor editor = new(ImageBytes.Of(1 << 20, new VhdxOptions { Parent = parent }, static _ => { }));
        Assert.Throws<InvalidOperationException>(() => VhdxFormat.Instance.Resize(editor, 2 << 20, DiskResizeOptions.Default));
    }

    private static byte[] Image(VhdxVariant variant, byte[] content) =>
        ImageBytes.Of(new TestDisk(content), new VhdxOptions { Variant = variant });

    private static byte[] Expected(byte[] content, int length)
    {
        byte[] expected = new byte[length];
        content.AsSpan(0, Math.Min(length, content.Length)).CopyTo(expected);
        return expected;
    }
}
