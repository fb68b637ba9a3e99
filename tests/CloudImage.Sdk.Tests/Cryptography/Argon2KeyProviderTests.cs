using System;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Cryptography;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Cryptography;

public sealed class Argon2KeyProviderTests
{
    [Fact]
    public void Compute_OfTheVectorOfRfc9106_GivesItsTag()
    {
        byte[] tag = Argon2KeyProvider.Compute(Repeat(1, 32), Repeat(2, 16), 32, 3, 4, Repeat(3, 8), Repeat(4, 12));
        Assert.Equal("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659", Convert.ToHexStringLower(tag));
    }

    [Fact]
    public async Task Unwrap_ByTheHolder_GivesTheSecretAndNobodyElse()
    {
        using var holder = new Argon2KeyProvider("correct horse", 16, 1);
        using var again = new Argon2KeyProvider("correct horse");
        using var stranger = new Argon2KeyProvider("correct house", 16, 1);
        byte[] secret = [.. Enumerable.Range(0, 64).Select(index => (byte)index)];
        byte[] wrapped = await holder.WrapAsync(secret, "context"u8.ToArray());
        Assert.Equal(secret, await again.TryUnwrapAsync(wrapped, "context"u8.ToArray()));
        Assert.Null(await stranger.TryUnwrapAsync(wrapped, "context"u8.ToArray()));
        Assert.Null(await holder.TryUnwrapAsync(wrapped, "another"u8.ToArray()));
    }

    [Fact]
    public async Task Unwrap_OfForgedCosts_IsNullAtOnce()
    {
        using var holder = new Argon2KeyProvider("correct horse", 16, 1);
        byte[] wrapped = await holder.WrapAsync(new byte[64], default);
        foreach (int index in new[] { 3, 7, 11 })
        {
            byte[] forged = [.. wrapped];
            forged[index] = 0x7F;
            Assert.Null(await holder.TryUnwrapAsync(forged, default));
        }

        Assert.Null(await holder.TryUnwrapAsync(wrapped.AsMemory(0, 55), default));
        Assert.Null(await holder.TryUnwrapAsync(wrapped.AsMemory(0, wrapped.Length - 1), default));
    }

    [Fact]
    public async Task Keyring_OfAnArgon2Holder_Opens()
    {
        using var store = new MemoryObjectStore();
        using var holder = new Argon2KeyProvider("correct horse", 16, 1);
        using var core = new PassphraseKeyProvider("correct horse", 100_000);
        await RepositoryKeyring.CreateAsync(store, [holder], default);
        Assert.Equal(1, (await RepositoryKeyring.OpenAsync(store, holder)).CurrentEpoch);
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await RepositoryKeyring.OpenAsync(store, core));
    }

    private static byte[] Repeat(byte value, int count) => [.. Enumerable.Repeat(value, count)];
}
