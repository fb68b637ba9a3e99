using System;

namespace CloudImage.Sdk.Hashing;

/// <summary>Numbers of the BLAKE3 specification (sections 2.1 to 2.3).</summary>
internal static class Blake3Constants
{
    public const int BlockSizeInBytes = 64;
    public const int LeafSizeInBytes = 1024;
    public const int BlocksPerLeaf = LeafSizeInBytes / BlockSizeInBytes;
    public const int ChainingValueSizeInBytes = 32;
    public const int WordsPerChainingValue = 8;
    public const int KeySizeInBytes = 32;

    // 2^64 bytes at most are 2^54 leaves, so a path from a leaf to the root has at most 54 waiting left siblings.
    public const int MaxDepth = 54;

    public const uint LeafStart = 1;
    public const uint LeafEnd = 2;
    public const uint Parent = 4;
    public const uint Root = 8;
    public const uint KeyedHash = 16;
    public const uint DeriveKeyContext = 32;
    public const uint DeriveKeyMaterial = 64;

    public const uint Iv0 = 0x6A09E667;
    public const uint Iv1 = 0xBB67AE85;
    public const uint Iv2 = 0x3C6EF372;
    public const uint Iv3 = 0xA54FF53A;
    public const uint Iv4 = 0x510E527F;
    public const uint Iv5 = 0x9B05688C;
    public const uint Iv6 = 0x1F83D9AB;
    public const uint Iv7 = 0x5BE0CD19;

    public static ReadOnlySpan<uint> Iv => [Iv0, Iv1, Iv2, Iv3, Iv4, Iv5, Iv6, Iv7];

    /// <summary>The word permutation applied to the message between two rounds.</summary>
    public static ReadOnlySpan<byte> Permutation => [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
}
