using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.GoogleCloud.Gce;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.GoogleCloud.Tests.Fakes;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.GoogleCloud.Tests.Gce;

/// <summary>Archives for Compute Engine, streamed to a bucket.</summary>
public sealed class GceImageWriterTests : IAsyncLifetime
{
    private readonly GcsFake _fake = new();

    private GoogleCloudConnection Connection => field ??= new GoogleCloudConnection(new GoogleCloudConnectionOptions { Endpoint = _fake.Address });

    public ValueTask InitializeAsync()
    {
        _fake.AddBucket("images");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        Connection.Dispose();
        await _fake.DisposeAsync();
    }

    [Fact]
    public async Task Disk_Written_IsAnArchiveOfWholeGibibytesThatReadsBack()
    {
        using MemoryDisk source = MakeDisk(24_000_000);
        int pieces = 0;
        _fake.Keep = length => ++pieces % 4 == 1 ? length / 2 : length;
        await using (GceImageWriter writer = await CreateAsync(source.Length, "disks/web.tar.gz"))
        {
            Assert.Equal(1L << 30, writer.Length);
            Assert.Equal("https://storage.googleapis.com/images/disks/web.tar.gz", writer.Source.ToString());
            await source.CopyToAsync(writer, DiskCopyOptions.Default, null);
            Assert.Null(_fake.Find("images", "disks/web.tar.gz"));
            await writer.CompleteAsync();
        }

        Assert.True(pieces > 3);
        byte[] archive = _fake.Find("images", "disks/web.tar.gz")!.Content;
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.Equal(("gce", 1L << 30), (disk.Info.FormatName, disk.Length));
        using VirtualDisk start = disk.Slice(0, source.Length);
        Assert.True(DiskComparer.Compare(source, start, new DiskCompareOptions(), null).AreEqual);
    }

    /// <summary>GNU tar and gzip find in the archive what was written.</summary>
    [Fact]
    public async Task Archive_ListedByTar_HoldsDiskRaw()
    {
        ExternalTool tar = ExternalTool.Require("tar");
        using MemoryDisk source = MakeDisk(3_000_000);
        await WriteAsync(source, "tar.tar.gz");
        using TempFolder folder = new();
        await System.IO.File.WriteAllBytesAsync(folder.File("image.tar.gz"), _fake.Find("images", "tar.tar.gz")!.Content, TestContext.Current.CancellationToken);
        string listing = tar.Run("-tvzf", folder.File("image.tar.gz"));
        Assert.Contains("1073741824", listing, StringComparison.Ordinal);
        Assert.Contains("disk.raw", listing, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Upload_ThroughAFaultyNetwork_IsTheSameArchive()
    {
        using MemoryDisk source = MakeDisk(8_000_000);
        await WriteAsync(source, "clean.tar.gz");
        await using FaultProxy proxy = new(_fake.Port);
        using GoogleCloudConnection faulty = new(new GoogleCloudConnectionOptions { Endpoint = new Uri(proxy.Address.ToString().TrimEnd('/')) });
        await using GceImageWriter writer = await GceImageWriter.CreateAsync(faulty, source.Length, new GceTarOptions(), Options("faulty.tar.gz"));
        Func<ProxiedRequest, ProxyFault> choose = FaultProxy.Seeded(5, 0.3, ProxyFault.ResetBeforeRequest, ProxyFault.ResetWithinRequest, ProxyFault.LoseResponse, ProxyFault.Unavailable, ProxyFault.UnavailableAfterRequest);
        proxy.Choose = choose;
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null);
        await writer.CompleteAsync();
        Assert.Equal(_fake.Find("images", "clean.tar.gz")!.Content, _fake.Find("images", "faulty.tar.gz")!.Content);
        Assert.Contains(proxy.Requests, static request => request.Fault != ProxyFault.None);
    }

    /// <summary>A bit that flips on the way is found by the checksum at the end.</summary>
    [Fact]
    public async Task Upload_DamagedOnTheWay_IsNotTakenForWhole()
    {
        using MemoryDisk source = MakeDisk(3_000_000);
        await using FaultProxy proxy = new(_fake.Port);
        using GoogleCloudConnection connection = new(new GoogleCloudConnectionOptions { Endpoint = new Uri(proxy.Address.ToString().TrimEnd('/')) });
        await using GceImageWriter writer = await GceImageWriter.CreateAsync(connection, source.Length, new GceTarOptions(), Options("damaged.tar.gz"));
        proxy.Choose = static request => request.Number == 1 ? ProxyFault.CorruptRequest : ProxyFault.None;
        GoogleCloudException exception = await Assert.ThrowsAsync<GoogleCloudException>(async () =>
        {
            await source.CopyToAsync(writer, DiskCopyOptions.Default, null);
            await writer.CompleteAsync();
        });
        Assert.Contains("CRC-32C", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Name_ThatIsTaken_IsRefusedAndNotReplaced()
    {
        using MemoryDisk source = MakeDisk(1_000_000);
        await WriteAsync(source, "taken.tar.gz");
        byte[] first = _fake.Find("images", "taken.tar.gz")!.Content;
        GoogleCloudException exception = await Assert.ThrowsAsync<GoogleCloudException>(async () => await CreateAsync(source.Length, "taken.tar.gz"));
        Assert.Contains("gs://images/taken.tar.gz", exception.Message, StringComparison.Ordinal);

        // One that comes first while the other is under way wins.
        await using GceImageWriter late = await CreateAsync(source.Length, "late.tar.gz");
        await WriteAsync(source, "late.tar.gz");
        await source.CopyToAsync(late, DiskCopyOptions.Default, null);
        await Assert.ThrowsAsync<GoogleCloudException>(async () => await late.CompleteAsync());
        Assert.Same(first, _fake.Find("images", "taken.tar.gz")!.Content);
        await using GceImageWriter replacing = await GceImageWriter.CreateAsync(Connection, source.Length, new GceTarOptions(), new GcsObjectSinkOptions { Bucket = "images", Name = "taken.tar.gz", MayReplace = true });
        await source.CopyToAsync(replacing, DiskCopyOptions.Default, null);
        await replacing.CompleteAsync();
        Assert.NotSame(first, _fake.Find("images", "taken.tar.gz")!.Content);
    }

    [Fact]
    public async Task Writer_Disposed_LeavesNothing()
    {
        await using (GceImageWriter writer = await CreateAsync(1 << 20, "given-up.tar.gz"))
        {
            writer.Plan(new BlockMap([new DiskExtent(0, writer.Length, DiskExtentKind.Data)]));
            await writer.WriteAsync(new byte[1 << 20], 0);
        }

        Assert.Null(_fake.Find("images", "given-up.tar.gz"));
        Assert.Contains(_fake.Requests, static request => request.StartsWith("DELETE /upload", StringComparison.Ordinal));
        await Assert.ThrowsAsync<ArgumentException>(async () => await CreateAsync(1 << 20, "no-archive.raw"));
    }

    [Fact]
    public async Task Session_ThatExpires_IsAClearError()
    {
        using MemoryDisk source = MakeDisk(3_000_000);
        await using GceImageWriter writer = await CreateAsync(source.Length, "expired.tar.gz");
        _fake.ExpireSessions();
        GoogleCloudException exception = await Assert.ThrowsAsync<GoogleCloudException>(async () =>
        {
            await source.CopyToAsync(writer, DiskCopyOptions.Default, null);
            await writer.CompleteAsync();
        });
        Assert.Contains("begin anew", exception.Message, StringComparison.Ordinal);
    }

    private static GcsObjectSinkOptions Options(string name) => new() { Bucket = "images", Name = name, PieceLength = 256 << 10 };

    private Task<GceImageWriter> CreateAsync(long length, string name) => GceImageWriter.CreateAsync(Connection, length, new GceTarOptions(), Options(name));

    private async Task WriteAsync(VirtualDisk source, string name)
    {
        await using GceImageWriter writer = await CreateAsync(source.Length, name);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null);
        await writer.CompleteAsync();
    }

    private static MemoryDisk MakeDisk(int length)
    {
        byte[] content = new byte[length];
        new Random(3).NextBytes(content.AsSpan(0, length / 3));
        new Random(4).NextBytes(content.AsSpan(length / 2, length / 8));
        return new MemoryDisk(content);
    }
}
