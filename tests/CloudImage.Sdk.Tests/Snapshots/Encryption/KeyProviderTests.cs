using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Encryption;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Encryption;

public sealed class KeyProviderTests
{
    public static TheoryData<string> Kinds => ["passphrase", "key-file", "rsa", "ecdh-p256", "ecdh-p384"];

    internal static KeyProvider Make(string kind, int person) => kind switch
    {
        "passphrase" => new PassphraseKeyProvider($"correct horse {person}", 100_000),
        "key-file" => new KeyFileProvider([.. Enumerable.Range(0, 40).Select(index => (byte)((index * 7) + person))]),
        "rsa" => new CertificateKeyProvider(MakeRsa(2048)),
        "ecdh-p256" => new CertificateKeyProvider(MakeAgreement(ECCurve.NamedCurves.nistP256)),
        _ => new CertificateKeyProvider(MakeAgreement(ECCurve.NamedCurves.nistP384)),
    };

    /// <summary>A holder, and what the holder has in hand: a passphrase, the content of a key file, a certificate.</summary>
    internal static (KeyProvider Holder, object Secret) MakeWithSecret(string kind)
    {
        switch (kind)
        {
            case "passphrase":
                return (new PassphraseKeyProvider("correct horse", 100_000), "correct horse");
            case "key-file":
                byte[] file = [.. Enumerable.Range(0, 50).Select(index => (byte)(index * 11))];
                return (new KeyFileProvider(file), file);
            default:
                X509Certificate2 certificate = kind == "rsa" ? MakeRsa(2048) : MakeAgreement(kind == "ecdh-p256" ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384);
                return (new CertificateKeyProvider(certificate), certificate);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Unwrap_ByTheHolder_GivesTheSecretAndNobodyElse(string kind)
    {
        using KeyProvider holder = Make(kind, 1);
        using KeyProvider stranger = Make(kind, 2);
        byte[] secret = RandomNumberGenerator.GetBytes(64);
        byte[] wrapped = await holder.WrapAsync(secret, "context"u8.ToArray());
        Assert.Equal(secret, await holder.TryUnwrapAsync(wrapped, "context"u8.ToArray()));
        Assert.Null(await stranger.TryUnwrapAsync(wrapped, "context"u8.ToArray()));
        Assert.Null(await holder.TryUnwrapAsync(wrapped, "another"u8.ToArray()));
        Assert.NotEqual(wrapped, await holder.WrapAsync(secret, "context"u8.ToArray()));
    }

    [Theory]
    [InlineData("key-file")]
    [InlineData("rsa")]
    [InlineData("ecdh-p256")]
    public async Task Unwrap_OfDamage_IsNullAndNeverThrows(string kind)
    {
        using KeyProvider holder = Make(kind, 1);
        byte[] wrapped = await holder.WrapAsync(new byte[64], default);
        for (int index = 0; index < wrapped.Length; index += kind == "key-file" ? 1 : 5)
        {
            wrapped[index] ^= 0x41;
            Assert.Null(await holder.TryUnwrapAsync(wrapped, default));
            wrapped[index] ^= 0x41;
            Assert.Null(await holder.TryUnwrapAsync(wrapped.AsMemory(0, index), default));
        }

        Assert.Null(await holder.TryUnwrapAsync(new byte[KeyProvider.MaximumWrappedLength + 1], default));
    }

    [Fact]
    public async Task Passphrase_OfDamage_IsNullWithoutHoursOfWork()
    {
        using var holder = new PassphraseKeyProvider("correct horse", 100_000);
        byte[] wrapped = await holder.WrapAsync(new byte[64], default);
        wrapped[3] = 0x7F;
        Assert.Null(await holder.TryUnwrapAsync(wrapped, default));
        wrapped[3] = 0xFF;
        Assert.Null(await holder.TryUnwrapAsync(wrapped, default));
        Assert.Null(await holder.TryUnwrapAsync(wrapped.AsMemory(0, 10), default));
    }

    [Fact]
    public void Passphrase_Empty_OrTooCheap_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new PassphraseKeyProvider(string.Empty));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PassphraseKeyProvider("x", 99_999));
    }

    [Fact]
    public async Task KeyFile_Created_CanBeReadByItsOwnerOnlyAndOpens()
    {
        string folder = Directory.CreateTempSubdirectory("cloudimage-key-").FullName;
        try
        {
            string path = Path.Combine(folder, "key");
            KeyFileProvider.Create(path);
            Assert.Throws<IOException>(() => KeyFileProvider.Create(path));
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            }

            using KeyFileProvider holder = KeyFileProvider.Open(path);
            using KeyFileProvider again = KeyFileProvider.Open(path);
            Assert.NotNull(await again.TryUnwrapAsync(await holder.WrapAsync(new byte[64], default), default));
            await File.WriteAllBytesAsync(path + "-short", new byte[31]);
            Assert.Throws<CloudImageException>(() => KeyFileProvider.Open(path + "-short"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Certificate_WithoutItsPrivateKey_WrapsOnly()
    {
        using X509Certificate2 whole = MakeRsa(2048);
        using X509Certificate2 half = X509CertificateLoader.LoadCertificate(whole.Export(X509ContentType.Cert));
        using var holder = new CertificateKeyProvider(whole);
        using var writer = new CertificateKeyProvider(half);
        byte[] wrapped = await writer.WrapAsync(new byte[64], default);
        Assert.Null(await writer.TryUnwrapAsync(wrapped, default));
        Assert.NotNull(await holder.TryUnwrapAsync(wrapped, default));
    }

    [Fact]
    public void Certificate_WithAWeakKey_IsRefused()
    {
        using X509Certificate2 weak = MakeRsa(1024);
        Assert.Throws<ArgumentException>(() => new CertificateKeyProvider(weak));
    }

    [Fact]
    public async Task Disposed_RefusesToWork()
    {
        KeyProvider holder = Make("key-file", 1);
        holder.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await holder.WrapAsync(new byte[64], default));
    }

    private static X509Certificate2 MakeRsa(int bits)
    {
        using RSA key = RSA.Create(bits);
        return new CertificateRequest("CN=holder", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }

    private static X509Certificate2 MakeAgreement(ECCurve curve)
    {
        using ECDsa key = ECDsa.Create(curve);
        return new CertificateRequest("CN=holder", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }
}
