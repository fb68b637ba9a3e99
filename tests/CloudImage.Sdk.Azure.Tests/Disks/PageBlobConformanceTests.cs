using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Disks;

/// <summary>What every writer must do, asked of page blobs in Azurite.</summary>
public abstract class PageBlobConformanceTests(AzuriteServer azurite) : DiskWriterConformance, IAsyncLifetime
{
    private DiskCreateOptions _options = null!;

    protected abstract PageBlobLayout Layout { get; }

    protected override DiskCreateOptions Options => _options;

    public async ValueTask InitializeAsync() =>
        _options = new PageBlobTestFormat.CreateOptions(new PageBlobTestFormat(await PageBlobPlace.NewAsync(await azurite.GetAsync()), Layout));

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

public sealed class RawPageBlobConformanceTests(AzuriteServer azurite) : PageBlobConformanceTests(azurite)
{
    protected override PageBlobLayout Layout => PageBlobLayout.Raw;

    protected override void CheckContainer(byte[] container, byte[] content) => Assert.Equal(content.Length, container.Length);
}

public sealed class VhdPageBlobConformanceTests(AzuriteServer azurite) : PageBlobConformanceTests(azurite)
{
    protected override PageBlobLayout Layout => PageBlobLayout.FixedVhd;

    protected override long Rounded(long length) => (length + (1 << 20) - 1) / (1 << 20) * (1 << 20);

    protected override void CheckContainer(byte[] container, byte[] content)
    {
        Assert.Equal(Rounded(content.Length) + 512, container.Length);
        using CloudImage.Sdk.Disks.MemoryDisk image = new(container);
        Assert.True(VhdFormat.Instance.Check(image, DiskOpenOptions.Default).IsClean);
        Assert.True(container.AsSpan()[^512..].StartsWith("conectix"u8));
    }
}
