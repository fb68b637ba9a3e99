using System;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>AES-256-GCM with a key of its own for each message.</summary>
/// <remarks>
/// <para>Sealed: 16 random bytes, the ciphertext, the 16 bytes of the tag. The message key is HKDF-Expand (RFC 5869, SHA-256) of
/// a uniformly random 32-byte key with a label and the random bytes as info; the nonce is all zeros, as each key seals one message.
/// Drawn at every sealing, 128 bits do not repeat, whatever is retried, resumed or cloned with the machine's state.</para>
/// <para>GCM does not commit to its key: where that matters, the content has a digest or a check of its own.</para>
/// </remarks>
internal static class AeadSeal
{
    internal const int SaltLength = 16;
    internal const int TagLength = 16;
    internal const int Overhead = SaltLength + TagLength;
    internal const int KeyLength = 32;

    private const int NonceLength = 12;

    /// <summary>Seals a message.</summary>
    /// <param name="key">A uniformly random key of 32 bytes.</param>
    /// <param name="label">What the key is used for here: it separates uses.</param>
    /// <param name="associatedData">What is bound to the message without being part of it.</param>
    /// <param name="message">The message.</param>
    /// <param name="destination">Receives it sealed: exactly <see cref="Overhead"/> bytes longer; apart from the message in memory.</param>
    internal static void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> label, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> message, Span<byte> destination)
    {
        Span<byte> salt = destination[..SaltLength];
        RandomNumberGenerator.Fill(salt);
        Span<byte> messageKey = stackalloc byte[KeyLength];
        Span<byte> nonce = stackalloc byte[NonceLength];
        nonce.Clear();
        DeriveMessageKey(key, label, salt, messageKey);
        using var cipher = new AesGcm(messageKey, TagLength);
        cipher.Encrypt(nonce, message, destination[SaltLength..^TagLength], destination[^TagLength..], associatedData);
        CryptographicOperations.ZeroMemory(messageKey);
    }

    /// <summary>Opens a sealed message.</summary>
    /// <param name="key">The key.</param>
    /// <param name="label">What the key is used for here.</param>
    /// <param name="associatedData">What is bound to the message.</param>
    /// <param name="sealedMessage">The sealed message, not trusted.</param>
    /// <param name="destination">Receives the message: exactly <see cref="Overhead"/> bytes shorter; cleared after a failure.</param>
    /// <returns>Whether it is whole, and was sealed with this key, label and associated data.</returns>
    internal static bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> label, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> sealedMessage, Span<byte> destination)
    {
        if (sealedMessage.Length < Overhead || destination.Length != sealedMessage.Length - Overhead)
        {
            return false;
        }

        Span<byte> messageKey = stackalloc byte[KeyLength];
        Span<byte> nonce = stackalloc byte[NonceLength];
        nonce.Clear();
        DeriveMessageKey(key, label, sealedMessage[..SaltLength], messageKey);
        try
        {
            using var cipher = new AesGcm(messageKey, TagLength);
            cipher.Decrypt(nonce, sealedMessage[SaltLength..^TagLength], sealedMessage[^TagLength..], destination, associatedData);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            destination.Clear();
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(messageKey);
        }
    }

    private static void DeriveMessageKey(ReadOnlySpan<byte> key, ReadOnlySpan<byte> label, ReadOnlySpan<byte> salt, Span<byte> messageKey)
    {
        // T(1) of HKDF-Expand, which is all that 32 bytes need: HMAC(key, info || 0x01) with info = label || salt.
        Span<byte> info = stackalloc byte[64];
        label.CopyTo(info);
        salt.CopyTo(info[label.Length..]);
        int length = label.Length + salt.Length;
        info[length] = 1;
        HMACSHA256.HashData(key, info[..(length + 1)], messageKey);
    }
}
