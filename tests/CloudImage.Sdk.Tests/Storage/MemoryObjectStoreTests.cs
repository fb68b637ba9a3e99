using System.Security.Cryptography;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

public sealed class MemoryObjectStoreTests : ObjectStoreConformanceTests
{
    [Fact]
    public async Task TryCreate_WithAnotherChecksum_IsRefused()
    {
        byte[] content = MakeContent(100, 7);
        var wrong = new ObjectCreateOptions { Checksum = new ObjectChecksum(ObjectChecksumKind.Sha256, new byte[32]) };
        var right = new ObjectCreateOptions { Checksum = new ObjectChecksum(ObjectChecksumKind.Sha256, SHA256.HashData(content)) };
        await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.TryCreateAsync("a", content, wrong));
        Assert.True(await Store.TryCreateAsync("a", content, right));
        Assert.Equal(right.Checksum, (await Store.GetInfoAsync("a"))!.Checksum);
    }

    protected override ValueTask<ObjectStore> OpenEmptyAsync() => ValueTask.FromResult<ObjectStore>(new MemoryObjectStore());
}
