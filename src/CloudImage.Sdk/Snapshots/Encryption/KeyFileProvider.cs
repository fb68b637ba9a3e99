using System;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>Whoever has a key file: at least 32 bytes that nobody can guess.</summary>
/// <remarks>
/// The key is HKDF-Extract (RFC 5869, SHA-256) of the whole content, so that any random file will do. A file of
/// text that people think up will not: use <see cref="PassphraseKeyProvider"/>. May be used from several threads at once.
/// </remarks>
public sealed class KeyFileProvider : KeyProvider
{
    private const int MinimumLength = 32;
    private const int MaximumLength = 1 << 20;

    private static readonly byte[] s_label = "key-file"u8.ToArray();
    private static readonly byte[] s_salt = "CloudImage.Sdk key file"u8.ToArray();

    private readonly byte[] _key = new byte[AeadSeal.KeyLength];

    /// <summary>Takes the content of a key file.</summary>
    /// <param name="content">32 bytes to 1 MiB.</param>
    /// <exception cref="ArgumentException">It is shorter or longer.</exception>
    public KeyFileProvider(ReadOnlySpan<byte> content)
    {
        if (content.Length is < MinimumLength or > MaximumLength)
        {
            throw new ArgumentException($"A key file has {MinimumLength} bytes to 1 MiB, not {content.Length} bytes.", nameof(content));
        }

        HKDF.Extract(HashAlgorithmName.SHA256, content, s_salt, _key);
    }

    /// <inheritdoc/>
    public override string Kind => "key-file";

    /// <summary>Reads a key file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>A provider, which the caller owns.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="CloudImageException">The file is shorter than 32 bytes or longer than 1 MiB.</exception>
    public static KeyFileProvider Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream file = File.OpenRead(path);
        byte[] content = new byte[MaximumLength + 1];
        int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        try
        {
            return length is < MinimumLength or > MaximumLength
                ? throw new CloudImageException($"'{path}' is no key file: it has {(length > MaximumLength ? "more than 1 MiB" : $"{length} bytes")}, and a key file has {MinimumLength} bytes to 1 MiB.")
                : new KeyFileProvider(content.AsSpan(0, length));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>Makes a new key file of 64 random bytes that only its owner may read.</summary>
    /// <param name="path">The file, which must not exist.</param>
    /// <exception cref="IOException">The file exists or cannot be made.</exception>
    public static void Create(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        byte[] content = RandomNumberGenerator.GetBytes(64);
        using var file = new FileStream(path, options);
        file.Write(content);
        file.Flush(flushToDisk: true);
        CryptographicOperations.ZeroMemory(content);
    }

    /// <inheritdoc/>
    protected override ValueTask<byte[]> WrapCoreAsync(ReadOnlyMemory<byte> secret, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        byte[] wrapped = new byte[secret.Length + AeadSeal.Overhead];
        AeadSeal.Seal(_key, s_label, context.Span, secret.Span, wrapped);
        return ValueTask.FromResult(wrapped);
    }

    /// <inheritdoc/>
    protected override ValueTask<byte[]?> TryUnwrapCoreAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (wrapped.Length < AeadSeal.Overhead)
        {
            return ValueTask.FromResult<byte[]?>(null);
        }

        byte[] secret = new byte[wrapped.Length - AeadSeal.Overhead];
        return ValueTask.FromResult(AeadSeal.TryOpen(_key, s_label, context.Span, wrapped.Span, secret) ? secret : null);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_key);
        base.Dispose(disposing);
    }
}
