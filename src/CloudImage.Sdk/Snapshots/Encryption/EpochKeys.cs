using System;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>The keys of one epoch, all derived from its master key.</summary>
/// <remarks>
/// The secret of an epoch is its master key (32 bytes) and the repository's name key (32 bytes), which is the same in every
/// epoch, since the names of images have to last. Derived by HKDF-Expand (SHA-256) of the master key with the labels below.
/// </remarks>
internal sealed class EpochKeys
{
    internal const int SecretLength = 64;
    internal const int CheckLength = 16;

    internal EpochKeys(uint epoch, ReadOnlySpan<byte> secret)
    {
        ReadOnlySpan<byte> master = secret[..32];
        Epoch = epoch;
        Names = secret[32..].ToArray();
        Ids = Derive(master, "cloudimage ids"u8);
        Frames = Derive(master, "cloudimage frames"u8);
        Trees = Derive(master, "cloudimage trees"u8);
        Check = Derive(master, "cloudimage check"u8)[..CheckLength];
    }

    internal uint Epoch { get; }

    /// <summary>What the ids of chunks are made with.</summary>
    internal byte[] Ids { get; }

    /// <summary>What chunks are sealed with.</summary>
    internal byte[] Frames { get; }

    /// <summary>What nodes and descriptors are sealed with.</summary>
    internal byte[] Trees { get; }

    /// <summary>What the names of images are hashed with.</summary>
    internal byte[] Names { get; }

    /// <summary>Tells master keys apart without telling anything about them; stands in clear in the repository.</summary>
    internal byte[] Check { get; }

    /// <summary>Draws the secret of a new epoch; of the first one, when there is no earlier.</summary>
    internal static byte[] DrawSecret(EpochKeys? earlier)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(SecretLength);
        earlier?.Names.CopyTo(secret, 32);
        return secret;
    }

    private static byte[] Derive(ReadOnlySpan<byte> master, ReadOnlySpan<byte> label)
    {
        byte[] key = new byte[AeadSeal.KeyLength];
        HKDF.Expand(HashAlgorithmName.SHA256, master, key, label);
        return key;
    }
}
