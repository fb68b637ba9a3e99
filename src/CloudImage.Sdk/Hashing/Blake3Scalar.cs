using System;
using System.Buffers.Binary;
using System.Numerics;

namespace CloudImage.Sdk.Hashing;

/// <summary>The compression function of BLAKE3 as the specification writes it (section 2.2): the reference for every kernel.</summary>
internal static unsafe class Blake3Scalar
{
    /// <summary>Compresses one block into a chaining value.</summary>
    /// <param name="chainingValue">Eight words, replaced by the result.</param>
    /// <param name="block">64 bytes, zero-padded.</param>
    /// <param name="blockLength">The number of bytes of the block that are input.</param>
    /// <param name="counter">The leaf's number; zero for parents.</param>
    /// <param name="flags">The flags of the block.</param>
    public static void Compress(uint* chainingValue, byte* block, uint blockLength, ulong counter, uint flags)
    {
        uint* state = stackalloc uint[16];
        Permute(state, chainingValue, block, blockLength, counter, flags);
        for (int i = 0; i < 8; i++)
        {
            chainingValue[i] = state[i] ^ state[i + 8];
        }
    }

    /// <summary>Compresses one block into all sixteen words, as extendable output needs them.</summary>
    public static void CompressExtended(
        uint* chainingValue, byte* block, uint blockLength, ulong counter, uint flags, byte* output)
    {
        uint* state = stackalloc uint[16];
        Permute(state, chainingValue, block, blockLength, counter, flags);
        for (int i = 0; i < 8; i++)
        {
            uint low = state[i] ^ state[i + 8];
            uint high = state[i + 8] ^ chainingValue[i];
            BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(output + (4 * i), 4), low);
            BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(output + 32 + (4 * i), 4), high);
        }
    }

    private static void Permute(
        uint* state, uint* chainingValue, byte* block, uint blockLength, ulong counter, uint flags)
    {
        uint* message = stackalloc uint[16];
        uint* permuted = stackalloc uint[16];
        for (int i = 0; i < 16; i++)
        {
            message[i] = BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(block + (4 * i), 4));
        }

        for (int i = 0; i < 8; i++)
        {
            state[i] = chainingValue[i];
        }

        state[8] = Blake3Constants.Iv0;
        state[9] = Blake3Constants.Iv1;
        state[10] = Blake3Constants.Iv2;
        state[11] = Blake3Constants.Iv3;
        state[12] = (uint)counter;
        state[13] = (uint)(counter >> 32);
        state[14] = blockLength;
        state[15] = flags;

        ReadOnlySpan<byte> permutation = Blake3Constants.Permutation;
        for (int round = 0; ; round++)
        {
            Mix(state, 0, 4, 8, 12, message[0], message[1]);
            Mix(state, 1, 5, 9, 13, message[2], message[3]);
            Mix(state, 2, 6, 10, 14, message[4], message[5]);
            Mix(state, 3, 7, 11, 15, message[6], message[7]);
            Mix(state, 0, 5, 10, 15, message[8], message[9]);
            Mix(state, 1, 6, 11, 12, message[10], message[11]);
            Mix(state, 2, 7, 8, 13, message[12], message[13]);
            Mix(state, 3, 4, 9, 14, message[14], message[15]);
            if (round == 6)
            {
                return;
            }

            for (int i = 0; i < 16; i++)
            {
                permuted[i] = message[permutation[i]];
            }

            uint* previous = message;
            message = permuted;
            permuted = previous;
        }
    }

    private static void Mix(uint* state, int a, int b, int c, int d, uint x, uint y)
    {
        uint va = state[a];
        uint vb = state[b];
        uint vc = state[c];
        uint vd = state[d];
        va = va + x + vb;
        vd = BitOperations.RotateRight(vd ^ va, 16);
        vc += vd;
        vb = BitOperations.RotateRight(vb ^ vc, 12);
        va = va + y + vb;
        vd = BitOperations.RotateRight(vd ^ va, 8);
        vc += vd;
        vb = BitOperations.RotateRight(vb ^ vc, 7);
        state[a] = va;
        state[b] = vb;
        state[c] = vc;
        state[d] = vd;
    }
}
