using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>AES over sectors of 512 bytes, in the modes that disks use: XTS, CBC with a plain or an ESSIV initial vector, ECB.</summary>
/// <remarks>Thread-safe: the algorithm objects are lent to one thread at a time. XTS is IEEE 1619, made of ECB and its tweaks.</remarks>
internal sealed class AesSectorCipher : IDisposable
{
    public const int SectorLength = Qcow2Cipher.SectorLength;
    private const int BlockLength = 16;

    private readonly AesSectorMode _mode;
    private readonly byte[] _key;
    private readonly byte[]? _tweakKey;
    private readonly ConcurrentBag<Keys> _keys = [];

    public AesSectorCipher(AesSectorMode mode, ReadOnlySpan<byte> key)
    {
        _mode = mode;
        if (mode == AesSectorMode.Xts)
        {
            _key = key[..(key.Length / 2)].ToArray();
            _tweakKey = key[(key.Length / 2)..].ToArray();
        }
        else
        {
            _key = key.ToArray();
            _tweakKey = mode == AesSectorMode.CbcEssivSha256 ? SHA256.HashData(key) : null;
        }
    }

    /// <summary>Decrypts whole sectors in place.</summary>
    public void Decrypt(Span<byte> sectors, long sector)
    {
        if (!_keys.TryTake(out Keys? keys))
        {
            keys = new Keys(_key, _tweakKey);
        }

        try
        {
            switch (_mode)
            {
                case AesSectorMode.Xts:
                    DecryptXts(keys, sectors, sector);
                    break;
                case AesSectorMode.Ecb:
                    keys.Content.DecryptEcb(sectors, sectors, PaddingMode.None);
                    break;
                default:
                    DecryptCbc(keys, sectors, sector);
                    break;
            }
        }
        finally
        {
            _keys.Add(keys);
        }
    }

    public void Dispose()
    {
        while (_keys.TryTake(out Keys? keys))
        {
            keys.Dispose();
        }

        CryptographicOperations.ZeroMemory(_key);
        CryptographicOperations.ZeroMemory(_tweakKey);
    }

    private static void DecryptCbc(Keys keys, Span<byte> sectors, long sector)
    {
        Span<byte> vector = stackalloc byte[BlockLength];
        for (; sectors.Length >= SectorLength; sectors = sectors[SectorLength..], sector++)
        {
            vector.Clear();
            BinaryPrimitives.WriteInt64LittleEndian(vector, sector);
            keys.Tweak?.EncryptEcb(vector, vector, PaddingMode.None);
            keys.Content.DecryptCbc(sectors[..SectorLength], vector, sectors, PaddingMode.None);
        }
    }

    private static void DecryptXts(Keys keys, Span<byte> sectors, long sector)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(sectors.Length);
        try
        {
            Span<byte> tweaks = rented.AsSpan(0, sectors.Length);
            FillTweaks(keys, tweaks, sector);
            Xor(sectors, tweaks);
            keys.Content.DecryptEcb(sectors, sectors, PaddingMode.None);
            Xor(sectors, tweaks);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented, true);
        }
    }

    // The tweak of a sector's block j is the encrypted sector number, multiplied j times by x in GF(2^128).
    private static void FillTweaks(Keys keys, Span<byte> tweaks, long sector)
    {
        for (; tweaks.Length > 0; tweaks = tweaks[SectorLength..], sector++)
        {
            Span<byte> first = tweaks[..BlockLength];
            first.Clear();
            BinaryPrimitives.WriteInt64LittleEndian(first, sector);
            keys.Tweak!.EncryptEcb(first, first, PaddingMode.None);
            ulong low = BinaryPrimitives.ReadUInt64LittleEndian(first);
            ulong high = BinaryPrimitives.ReadUInt64LittleEndian(first[8..]);
            for (int position = BlockLength; position < SectorLength; position += BlockLength)
            {
                ulong carry = (ulong)-(long)(high >> 63);
                high = (high << 1) | (low >> 63);
                low = (low << 1) ^ (carry & 0x87);
                BinaryPrimitives.WriteUInt64LittleEndian(tweaks[position..], low);
                BinaryPrimitives.WriteUInt64LittleEndian(tweaks[(position + 8)..], high);
            }
        }
    }

    private static void Xor(Span<byte> target, ReadOnlySpan<byte> mask)
    {
        Span<ulong> words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(target);
        ReadOnlySpan<ulong> masks = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(mask);
        for (int index = 0; index < words.Length; index++)
        {
            words[index] ^= masks[index];
        }
    }

    private sealed class Keys : IDisposable
    {
        public Keys(byte[] key, byte[]? tweakKey)
        {
            Content = Aes.Create();
            Content.Key = key;
            if (tweakKey is not null)
            {
                Tweak = Aes.Create();
                Tweak.Key = tweakKey;
            }
        }

        public Aes Content { get; }

        public Aes? Tweak { get; }

        public void Dispose()
        {
            Content.Dispose();
            Tweak?.Dispose();
        }
    }
}
