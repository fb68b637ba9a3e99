using System;
using System.IO;
using System.IO.Pipes;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats;

public sealed class DiskImageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_UnknownContent_IsRawUnlessThatIsSwitchedOff()
    {
        string path = Write("any", new byte[1000]);
        Assert.Null(DiskImage.DetectFormat(path));
        using (VirtualDisk disk = DiskImage.Open(path))
        {
            Assert.Equal("raw", disk.Info.FormatName);
            Assert.Equal(1000, disk.Length);
        }

        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => DiskImage.Open(path, new DiskOpenOptions { AllowRawFallback = false }));
        foreach (DiskFormat format in DiskFormatRegistry.Default.Formats.Where(static format => format.CanOpen && format != RawFormat.Instance))
        {
            Assert.Contains(format.Name, exception.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("qed")]
    [InlineData("parallels")]
    [InlineData("luks")]
    [InlineData("dmg")]
    [InlineData("iso")]
    public void Open_AFormatThatIsNotRead_IsNamedInTheError(string format)
    {
        byte[] content = new byte[100_000];
        (int place, byte[] mark) = format switch
        {
            "qed" => (0, "QED\0"u8.ToArray()),
            "parallels" => (0, "WithouFreSpacExt"u8.ToArray()),
            "luks" => (0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 1]),
            "dmg" => (content.Length - 512, [.. "koly"u8, 0, 0, 0, 4, 0, 0, 2, 0]),
            _ => (0x8000, [1, .. "CD001"u8, 1]),
        };
        mark.CopyTo(content, place);
        string path = Write(format, content);
        UnsupportedDiskFeatureException exception = Assert.Throws<UnsupportedDiskFeatureException>(() => DiskImage.Open(path));
        Assert.Contains(format, exception.Message, StringComparison.OrdinalIgnoreCase);
        Assert.False(DiskImage.Inspect(path, DiskOpenOptions.Default).IsSafe);
        using VirtualDisk raw = DiskImage.Open(path, new DiskOpenOptions { Format = RawFormat.Instance });
        Assert.Equal(content.Length, raw.Length);
    }

    [Fact]
    public void Inspect_RawContent_WantsAPartitionTable()
    {
        byte[] content = new byte[65536];
        Assert.Contains(DiskImage.Inspect(Write("plain", content), DiskOpenOptions.Default).Concerns, static concern => concern.Code == "no-partition-table");
        content[510] = 0x55;
        content[511] = 0xaa;
        DiskInspection inspection = DiskImage.Inspect(Write("partitioned", content), DiskOpenOptions.Default);
        Assert.Empty(inspection.Concerns);
        Assert.True(inspection.IsSafe);
        Assert.Equal(RawFormat.Instance, inspection.Format);
    }

    [Fact]
    public void Inspect_WithoutTheFallback_FindsNothing()
    {
        DiskInspection inspection = DiskImage.Inspect(Write("plain", new byte[512]), new DiskOpenOptions { AllowRawFallback = false });
        Assert.Null(inspection.Format);
        Assert.False(inspection.IsConsistent);
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "unknown-format");
    }

    [Fact]
    public void Inspect_RawThatPretends_IsNotTrusted()
    {
        byte[] content = new byte[65536];
        "QED\0"u8.CopyTo(content);
        DiskInspection inspection = DiskImage.Inspect(Write("pretender", content), new DiskOpenOptions { Format = RawFormat.Instance });
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "other-format");
    }

    [Fact]
    public async Task Open_AStream_ReadsIt()
    {
        byte[] content = TestDisk.Random(1, 300_000, 4096, true).ToArray();
        string path = Write("stream", content);
        foreach (Stream stream in (Stream[])[new MemoryStream(content), File.OpenRead(path), new BufferedStream(File.OpenRead(path))])
        {
            using VirtualDisk disk = DiskImage.Open(stream, DiskOpenOptions.Default);
            AssertReads(disk, content);
        }

        await using FileStream kept = File.OpenRead(path);
        await using (VirtualDisk disk = await DiskImage.OpenAsync(kept, new DiskOpenOptions { LeaveOpen = true }, TestContext.Current.CancellationToken))
        {
            AssertReads(disk, content);
        }

        Assert.Equal(content[0], kept.ReadByte());
    }

    [Fact]
    public async Task Open_APipe_KeepsIt()
    {
        byte[] content = TestDisk.Random(2, 3_000_000, 100_000, true).ToArray();
        using AnonymousPipeServerStream writer = new(PipeDirection.Out);
        using AnonymousPipeClientStream reader = new(PipeDirection.In, writer.ClientSafePipeHandle);
        Task writing = Task.Run(() =>
        {
            writer.Write(content);
            writer.Dispose();
        });
        using VirtualDisk disk = await DiskImage.OpenAsync(reader, DiskOpenOptions.Default, TestContext.Current.CancellationToken);
        await writing;
        AssertReads(disk, content);
        Assert.Contains(disk.GetExtents(0, disk.Length), static extent => extent.Kind == DiskExtentKind.Zero);
    }

    [Theory]
    [InlineData("../base.raw")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/base.raw")]
    [InlineData("sub\\base.raw")]
    [InlineData("json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}")]
    [InlineData("nbd:localhost:10809")]
    [InlineData("file:base.raw")]
    [InlineData("c:base.raw")]
    [InlineData("base\n.raw")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("link.raw")]
    [InlineData("folder")]
    public async Task Resolver_RefusesEverythingButPlainFiles(string name)
    {
        File.WriteAllBytes(_folder.File("base.raw"), new byte[512]);
        Directory.CreateDirectory(_folder.File("folder"));
        Directory.CreateDirectory(_folder.File("sub"));
        File.WriteAllBytes(_folder.File("sub/base.raw"), new byte[512]);
        File.CreateSymbolicLink(_folder.File("link.raw"), "base.raw");
        DirectoryReferenceResolver resolver = new(_folder.Path);
        await Assert.ThrowsAsync<DiskReferenceException>(async () =>
            await resolver.ResolveAsync(new DiskReference(DiskReferenceKind.Parent, name), IoMode.Synchronous, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Resolver_OpensPlainFilesBesideTheImage()
    {
        string path = Write("base.raw", new byte[512]);
        DirectoryReferenceResolver resolver = DirectoryReferenceResolver.Beside(path);
        foreach (DiskReference reference in (DiskReference[])[
            new(DiskReferenceKind.Parent, "base.raw"),
            new(DiskReferenceKind.Parent, "./base.raw"),
            new(DiskReferenceKind.Parent, "/elsewhere/base.raw") { AlternativeNames = [".\\base.raw"] }])
        {
            using VirtualDisk? disk = await resolver.ResolveAsync(reference, IoMode.Asynchronous, TestContext.Current.CancellationToken);
            Assert.Equal(512, disk?.Length);
        }

        Assert.Null(await resolver.ResolveAsync(new DiskReference(DiskReferenceKind.Parent, "missing.raw"), IoMode.Synchronous, TestContext.Current.CancellationToken));
    }

    private static void AssertReads(VirtualDisk disk, byte[] content)
    {
        byte[] read = new byte[content.Length];
        Assert.Equal(content.Length, disk.Length);
        disk.Read(read, 0);
        Assert.True(content.AsSpan().SequenceEqual(read));
    }

    private string Write(string name, byte[] content)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
