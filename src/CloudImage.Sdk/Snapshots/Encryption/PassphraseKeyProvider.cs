using System;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>Whoever knows a passphrase, stretched with PBKDF2-HMAC-SHA-512 (RFC 8018).</summary>
/// <remarks>
/// Wrapped: iterations (4 bytes, little-endian), 16 bytes of salt, the sealed secret. One salt serves all that an instance wraps, and
/// the stretched key of the last salt is kept, so that a repository with several epochs costs one stretching.
/// May be used from several threads at once.
/// </remarks>
public sealed class PassphraseKeyProvider : KeyProvider
{
    /// <summary>The number of iterations that new wrappings use.</summary>
    public const int DefaultIterations = 250_000;

    private const int MaximumIterations = 20_000_000;
    private const int SaltLength = 16;
    private const int HeaderLength = 4 + SaltLength;

    private static readonly byte[] s_label = "pbkdf2"u8.ToArray();

    private readonly Lock _lock = new();
    private readonly byte[] _passphrase;
    private readonly byte[] _header = new byte[HeaderLength];
    private readonly byte[] _stretchedHeader = new byte[HeaderLength];
    private byte[]? _stretched;

    /// <summary>Takes a passphrase.</summary>
    /// <param name="passphrase">The passphrase; its UTF-8 form counts, without any normalization.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public PassphraseKeyProvider(ReadOnlySpan<char> passphrase)
        : this(passphrase, DefaultIterations)
    {
    }

    /// <summary>Takes a passphrase and the work that new wrappings shall cost.</summary>
    /// <param name="passphrase">The passphrase; its UTF-8 form counts, without any normalization.</param>
    /// <param name="iterations">Iterations of PBKDF2, 100 000 to 20 000 000.</param>
    /// <exception cref="ArgumentException">The passphrase is empty.</exception>
    public PassphraseKeyProvider(ReadOnlySpan<char> passphrase, int iterations)
    {
        if (passphrase.IsEmpty)
        {
            throw new ArgumentException("A passphrase is not empty.", nameof(passphrase));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 100_000);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(iterations, MaximumIterations);
        _passphrase = new byte[Encoding.UTF8.GetByteCount(passphrase)];
        Encoding.UTF8.GetBytes(passphrase, _passphrase);
        BinaryPrimitives.WriteInt32LittleEndian(_header, iterations);
        RandomNumberGenerator.Fill(_header.AsSpan(4));
    }

    /// <inheritdoc/>
    public override string Kind => "pbkdf2";

    /// <inheritdoc/>
    protected override ValueTask<byte[]> WrapCoreAsync(ReadOnlyMemory<byte> secret, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        byte[] wrapped = new byte[HeaderLength + secret.Length + AeadSeal.Overhead];
        _header.CopyTo(wrapped, 0);
        AeadSeal.Seal(Stretch(_header), s_label, context.Span, secret.Span, wrapped.AsSpan(HeaderLength));
        return ValueTask.FromResult(wrapped);
    }

    /// <inheritdoc/>
    protected override ValueTask<byte[]?> TryUnwrapCoreAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ReadOnlySpan<byte> span = wrapped.Span;

        // The bound keeps a forged object from costing hours.
        if (span.Length < HeaderLength + AeadSeal.Overhead || BinaryPrimitives.ReadInt32LittleEndian(span) is < 1 or > MaximumIterations)
        {
            return ValueTask.FromResult<byte[]?>(null);
        }

        byte[] secret = new byte[span.Length - HeaderLength - AeadSeal.Overhead];
        bool isOpen = AeadSeal.TryOpen(Stretch(span[..HeaderLength]), s_label, context.Span, span[HeaderLength..], secret);
        return ValueTask.FromResult(isOpen ? secret : null);
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

    private byte[] Stretch(ReadOnlySpan<byte> header)
    {
        lock (_lock)
        {
            if (_stretched is null || !header.SequenceEqual(_stretchedHeader))
            {
                int iterations = BinaryPrimitives.ReadInt32LittleEndian(header);
                _stretched = Rfc2898DeriveBytes.Pbkdf2(_passphrase, header[4..], iterations, HashAlgorithmName.SHA512, AeadSeal.KeyLength);
                header.CopyTo(_stretchedHeader);
            }

            return _stretched;
        }
    }
}
