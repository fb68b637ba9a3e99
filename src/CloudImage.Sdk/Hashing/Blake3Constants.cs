using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

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

    /// <summary>Gets the address of the table of word offsets for a number of lanes, which lies in the image and does not move.</summary>
    public static unsafe ushort* MessageOrder(int lanes)
    {
        ReadOnlySpan<ushort> order = lanes switch
        {
            4 => MessageOrder4,
            8 => MessageOrder8,
            _ => MessageOrder16,
        };
        return (ushort*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(order));
    }

    /// <summary>The word of the message that each half of a mixing step takes, round by round, as an offset into 4 lanes of words.</summary>
    private static ReadOnlySpan<ushort> MessageOrder4 =>
    [
        0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60,
        8, 24, 12, 40, 28, 0, 16, 52, 4, 44, 48, 20, 36, 56, 60, 32,
        12, 16, 40, 48, 52, 8, 28, 56, 24, 20, 36, 0, 44, 60, 32, 4,
        40, 28, 48, 36, 56, 12, 52, 60, 16, 0, 44, 8, 20, 32, 4, 24,
        48, 52, 36, 44, 60, 40, 56, 32, 28, 8, 20, 12, 0, 4, 24, 16,
        36, 56, 44, 20, 32, 48, 60, 4, 52, 12, 0, 40, 8, 24, 16, 28,
        44, 60, 20, 0, 4, 36, 32, 24, 56, 40, 8, 48, 12, 16, 28, 52,
    ];

    /// <summary>The word of the message that each half of a mixing step takes, round by round, as an offset into 8 lanes of words.</summary>
    private static ReadOnlySpan<ushort> MessageOrder8 =>
    [
        0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120,
        16, 48, 24, 80, 56, 0, 32, 104, 8, 88, 96, 40, 72, 112, 120, 64,
        24, 32, 80, 96, 104, 16, 56, 112, 48, 40, 72, 0, 88, 120, 64, 8,
        80, 56, 96, 72, 112, 24, 104, 120, 32, 0, 88, 16, 40, 64, 8, 48,
        96, 104, 72, 88, 120, 80, 112, 64, 56, 16, 40, 24, 0, 8, 48, 32,
        72, 112, 88, 40, 64, 96, 120, 8, 104, 24, 0, 80, 16, 48, 32, 56,
        88, 120, 40, 0, 8, 72, 64, 48, 112, 80, 16, 96, 24, 32, 56, 104,
    ];

    /// <summary>The word of the message that each half of a mixing step takes, round by round, as an offset into 16 lanes of words.</summary>
    private static ReadOnlySpan<ushort> MessageOrder16 =>
    [
        0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240,
        32, 96, 48, 160, 112, 0, 64, 208, 16, 176, 192, 80, 144, 224, 240, 128,
        48, 64, 160, 192, 208, 32, 112, 224, 96, 80, 144, 0, 176, 240, 128, 16,
        160, 112, 192, 144, 224, 48, 208, 240, 64, 0, 176, 32, 80, 128, 16, 96,
        192, 208, 144, 176, 240, 160, 224, 128, 112, 32, 80, 48, 0, 16, 96, 64,
        144, 224, 176, 80, 128, 192, 240, 16, 208, 48, 0, 160, 32, 96, 64, 112,
        176, 240, 80, 0, 16, 144, 128, 96, 224, 160, 32, 192, 48, 64, 112, 208,
    ];
}
