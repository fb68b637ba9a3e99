using System;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Encryption;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;

namespace CloudImage.Sdk.Cryptography;

/// <summary>Whoever knows a passphrase, stretched with Argon2id (RFC 9106).</summary>
/// <remarks>
/// Wrapped: memory in KiB (4 bytes), passes (4), lanes (4), all little-endian; 16 bytes of salt; 12 bytes of nonce; the secret under AES-256-GCM with
/// the stretched key and the context as associated data; 16 bytes of tag. One salt serves all that an instance wraps, and the stretched key
/// of the last salt is kept, so that a repository with several epochs costs one stretching. May be used from several threads at once.
/// </remarks>
public sealed class Argon2KeyProvider : KeyProvider
{
    private const int SaltLength = 16;
    private const int HeaderLength = 12 + SaltLength;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int KeyLength = 32;
    private const int MaximumMemoryInMebibytes = 1024;
    private const int MaximumPasses = 64;

    private readonly Lock _lock = new();
    private readonly byte[] _passphrase;
    private readonly byte[] _header = new byte[HeaderLength];
    private readonly byte[] _stretchedHeader = new byte[HeaderLength];
    private byte[]? _stretched;

    /// <summary>Takes a passphrase; new wrappings cost 64 MiB of memory and three passes.</summary>
    /// <param name="passphrase">The passphrase; its UTF-8 form counts, without any normalization.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public Argon2KeyProvider(ReadOnlySpan<char> passphrase)
        : this(passphrase, 64, 3)
    {
    }

    /// <summary>Takes a passphrase and what new wrappings shall cost.</summary>
    /// <param name="passphrase">The passphrase; its UTF-8 form counts, without any normalization.</param>
    /// <param name="memoryInMebibytes">Memory, 16 to 1024 MiB.</param>
    /// <param name="passes">Passes over it, 1 to 64.</param>
    /// <exception cref="ArgumentException">The passphrase is empty.</exception>
    public Argon2KeyProvider(ReadOnlySpan<char> passphrase, int memoryInMebibytes, int passes)
    {
        if (passphrase.IsEmpty)
        {
            throw new ArgumentException("A passphrase is not empty.", nameof(passphrase));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(memoryInMebibytes, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(memoryInMebibytes, MaximumMemoryInMebibytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(passes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(passes, MaximumPasses);
        _passphrase = new byte[Encoding.UTF8.GetByteCount(passphrase)];
        Encoding.UTF8.GetBytes(passphrase, _passphrase);
        BinaryPrimitives.WriteInt32LittleEndian(_header, memoryInMebibytes * 1024);
        BinaryPrimitives.WriteInt32LittleEndian(_header.AsSpan(4), passes);
        BinaryPrimitives.WriteInt32LittleEndian(_header.AsSpan(8), 1);
        RandomNumberGenerator.Fill(_header.AsSpan(12));
    }

    /// <inheritdoc/>
    public override string Kind => "argon2id";

    /// <inheritdoc/>
    protected override ValueTask<byte[]> WrapCoreAsync(ReadOnlyMemory<byte> secret, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        byte[] wrapped = new byte[HeaderLength + NonceLength + secret.Length + TagLength];
        _header.CopyTo(wrapped, 0);
        Span<byte> nonce = wrapped.AsSpan(HeaderLength, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = new AesGcm(Stretch(_header), TagLength);
        cipher.Encrypt(nonce, secret.Span, wrapped.AsSpan(HeaderLength + NonceLength, secret.Length), wrapped.AsSpan(wrapped.Length - TagLength), context.Span);
        return ValueTask.FromResult(wrapped);
    }

    /// <inheritdoc/>
    protected override ValueTask<byte[]?> TryUnwrapCoreAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(TryUnwrap(wrapped.Span, context.Span));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            CryptographicOperations.ZeroMemory(_passphrase);
            CryptographicOperations.ZeroMemory(_stretched);
        }

        base.Dispose(disposing);
    }

    /// <summary>Argon2id, version 1.3.</summary>
    internal static byte[] Compute(byte[] passphrase, byte[] salt, int memoryInKibibytes, int passes, int lanes, byte[]? secret, byte[]? additional)
    {
        var builder = new Argon2Parameters.Builder(Argon2Parameters.Argon2id)
            .WithVersion(Argon2Parameters.Version13)
            .WithMemoryAsKB(memoryInKibibytes)
            .WithIterations(passes)
            .WithParallelism(lanes)
            .WithSalt(salt);
        if (secret is not null)
        {
            builder.WithSecret(secret);
        }

        if (additional is not null)
        {
            builder.WithAdditional(additional);
        }

        var generator = new Argon2BytesGenerator();
        generator.Init(builder.Build());
        byte[] key = new byte[KeyLength];
        generator.GenerateBytes(passphrase, key);
        return key;
    }

    private byte[]? TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> context)
    {
        // The bounds keep a forged object from costing hours, or all the memory there is.
        if (wrapped.Length < HeaderLength + NonceLength + TagLength
            || BinaryPrimitives.ReadInt32LittleEndian(wrapped) is < 8 or > MaximumMemoryInMebibytes * 1024
            || BinaryPrimitives.ReadInt32LittleEndian(wrapped[4..]) is < 1 or > MaximumPasses
            || BinaryPrimitives.ReadInt32LittleEndian(wrapped[8..]) != 1)
        {
            return null;
        }

        byte[] secret = new byte[wrapped.Length - HeaderLength - NonceLength - TagLength];
        try
        {
            using var cipher = new AesGcm(Stretch(wrapped[..HeaderLength]), TagLength);
            cipher.Decrypt(wrapped.Slice(HeaderLength, NonceLength), wrapped[(HeaderLength + NonceLength)..^TagLength], wrapped[^TagLength..], secret, context);
            return secret;
        }
        catch (AuthenticationTagMismatchException)
        {
            // Wrapped for another passphrase, or damaged: the answer is the same.
            return null;
        }
    }

    private byte[] Stretch(ReadOnlySpan<byte> header)
    {
        lock (_lock)
        {
            if (_stretched is null || !header.SequenceEqual(_stretchedHeader))
            {
                int memory = BinaryPrimitives.ReadInt32LittleEndian(header);
                int passes = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
                _stretched = Compute(_passphrase, header[12..].ToArray(), memory, passes, 1, null, null);
                header.CopyTo(_stretchedHeader);
            }

            return _stretched;
        }
    }
}
