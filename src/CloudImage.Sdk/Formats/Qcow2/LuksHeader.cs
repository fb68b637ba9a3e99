using System;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>A LUKS version 1 header: how the content is encrypted, and eight slots that hold its key under passphrases. Big-endian.</summary>
/// <remarks>Specification: LUKS On-Disk Format, version 1.2.3.</remarks>
internal sealed class LuksHeader
{
    public const int Length = 592;
    private const int SlotCount = 8;
    private const int SlotsOffset = 208;
    private const int SlotLength = 48;
    private const uint SlotIsActive = 0x00AC71F3;
    private const int SaltLength = 32;
    private const int DigestLength = 20;
    private const int MaxStripes = 8192;

    // The count comes from the file: without a limit a file could keep a processor busy for hours.
    private const uint MaxIterations = 50_000_000;

    private static ReadOnlySpan<byte> Magic => [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xBA, 0xBE];

    private readonly byte[] _bytes;
    private readonly long _fileOffset;
    private readonly AesSectorMode _mode;
    private readonly HashAlgorithmName _hash;
    private readonly int _keyLength;

    private LuksHeader(byte[] bytes, long fileOffset)
    {
        _bytes = bytes;
        _fileOffset = fileOffset;
        string cipher = Name(8);
        string mode = Name(40);
        string hash = Name(72);
        _keyLength = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(108)), int.MaxValue);
        _mode = mode switch
        {
            "xts-plain64" or "xts-plain" => AesSectorMode.Xts,
            "cbc-plain64" or "cbc-plain" => AesSectorMode.CbcPlain,
            "cbc-essiv:sha256" => AesSectorMode.CbcEssivSha256,
            "ecb" => AesSectorMode.Ecb,
            _ => throw Unsupported(40, $"{cipher}-{mode}"),
        };
        _hash = hash switch
        {
            "sha1" => HashAlgorithmName.SHA1,
            "sha256" => HashAlgorithmName.SHA256,
            "sha384" => HashAlgorithmName.SHA384,
            "sha512" => HashAlgorithmName.SHA512,
            _ => throw Unsupported(72, $"hash {hash}"),
        };
        bool isKeyLengthKnown = _mode == AesSectorMode.Xts ? _keyLength is 32 or 64 : _keyLength is 16 or 24 or 32;
        if (cipher != "aes" || !isKeyLengthKnown)
        {
            throw Unsupported(8, $"{cipher}-{mode} with a key of {_keyLength} bytes");
        }
    }

    public static LuksHeader Parse(byte[] bytes, long fileOffset)
    {
        if (!bytes.AsSpan().StartsWith(Magic))
        {
            throw new DiskFormatException(Qcow2Constants.FormatName, fileOffset, "the image is encrypted with LUKS, and its header has not the magic 'LUKS'.");
        }

        int version = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(6));
        return version == 1 ? new LuksHeader(bytes, fileOffset)
            : throw new UnsupportedDiskFeatureException(Qcow2Constants.FormatName, fileOffset + 6, $"luks-{version}", $"LUKS version {version} is not known; 1 is.");
    }

    /// <summary>Tries every slot; answers the cipher with the key of the content.</summary>
    public async ValueTask<AesSectorCipher> UnlockAsync(VirtualDisk container, string passphrase, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] password = Encoding.UTF8.GetBytes(passphrase);
        for (int slot = 0; slot < SlotCount; slot++)
        {
            int position = SlotsOffset + (slot * SlotLength);
            if (Number(position) != SlotIsActive)
            {
                continue;
            }

            byte[] material = await ReadMaterialAsync(container, position, mode, cancellationToken).ConfigureAwait(false);
            byte[] slotKey = Derive(password, position + 8, position + 4, _keyLength);
            using (AesSectorCipher slotCipher = new(_mode, slotKey))
            {
                slotCipher.Decrypt(material, 0);
            }

            byte[] key = Merge(material, (int)Number(position + 44));
            if (Derive(key, 132, 164, DigestLength).AsSpan().SequenceEqual(_bytes.AsSpan(112, DigestLength)))
            {
                return new AesSectorCipher(_mode, key);
            }
        }

        throw new DiskFormatException(Qcow2Constants.FormatName, _fileOffset, "the passphrase opens none of the key slots.");
    }

    private async ValueTask<byte[]> ReadMaterialAsync(VirtualDisk container, int position, IoMode mode, CancellationToken cancellationToken)
    {
        long fileOffset = _fileOffset + (Number(position + 40) * (long)AesSectorCipher.SectorLength);
        uint stripes = Number(position + 44);
        int length = stripes is > 0 and <= MaxStripes ? (int)stripes * _keyLength : 0;
        int padded = (length + AesSectorCipher.SectorLength - 1) & ~(AesSectorCipher.SectorLength - 1);
        if (length == 0 || fileOffset > container.Length - length)
        {
            throw Error(position, $"a key slot of {stripes} stripes at 0x{fileOffset:x} is not possible or lies beyond the end of the image.");
        }

        byte[] material = new byte[padded];
        await container.ReadAsync(material, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        return material;
    }

    private byte[] Derive(byte[] secret, int saltPosition, int iterationsPosition, int length)
    {
        uint iterations = Number(iterationsPosition);
        return iterations is > 0 and <= MaxIterations
            ? Rfc2898DeriveBytes.Pbkdf2(secret, _bytes.AsSpan(saltPosition, SaltLength), (int)iterations, _hash, length)
            : throw Error(iterationsPosition, $"{iterations} rounds of key derivation are not between 1 and {MaxIterations}.");
    }

    // The anti-forensic splitter: every stripe is needed to get the key back.
    private byte[] Merge(byte[] material, int stripes)
    {
        byte[] key = new byte[_keyLength];
        for (int stripe = 0; stripe < stripes; stripe++)
        {
            for (int index = 0; index < key.Length; index++)
            {
                key[index] ^= material[(stripe * key.Length) + index];
            }

            if (stripe < stripes - 1)
            {
                Diffuse(key);
            }
        }

        return key;
    }

    private void Diffuse(Span<byte> key)
    {
        Span<byte> digest = stackalloc byte[64];
        Span<byte> number = stackalloc byte[4];
        using IncrementalHash hash = IncrementalHash.CreateHash(_hash);
        for (int block = 0, position = 0; position < key.Length; block++)
        {
            int count = Math.Min(hash.HashLengthInBytes, key.Length - position);
            BinaryPrimitives.WriteInt32BigEndian(number, block);
            hash.AppendData(number);
            hash.AppendData(key.Slice(position, count));
            _ = hash.GetHashAndReset(digest);
            digest[..count].CopyTo(key[position..]);
            position += count;
        }
    }

    private uint Number(int position) => BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(position));

    private string Name(int position) => Encoding.ASCII.GetString(_bytes.AsSpan(position, 32).TrimEnd((byte)0));

    private DiskFormatException Error(int position, string message) => new(Qcow2Constants.FormatName, _fileOffset + position, message);

    private UnsupportedDiskFeatureException Unsupported(int position, string feature) =>
        new(Qcow2Constants.FormatName, _fileOffset + position, feature, $"the image is encrypted with {feature}, which is not supported.");
}
