using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <content>Two states of sixteen lanes side by side.</content>
/// <remarks>
/// One state is a chain of dependent steps and leaves the vector units waiting; a second one fills the gaps. Both fill the
/// 32 registers exactly, so chaining values live in memory between blocks and message words are memory operands.
/// </remarks>
internal static unsafe partial class Blake3Vector512
{
    /// <summary>The number of inputs of <see cref="CompressPair"/>.</summary>
    public const int PairLanes = 2 * Lanes;

    /// <summary>Compresses the blocks of 32 inputs into 32 chaining values; see <see cref="Compress"/>.</summary>
    /// <param name="inputs">32 addresses.</param>
    /// <param name="nextInputs">32 addresses that will be read later: they are fetched ahead, and need not be readable.</param>
    /// <param name="outputs">32 addresses.</param>
    /// <param name="counters">32 low words of the counter, then 32 high words.</param>
    /// <param name="blocks">The number of blocks, at least one.</param>
    /// <param name="key">The eight words every input starts from.</param>
    /// <param name="flags">Flags of every block.</param>
    /// <param name="firstFlags">Flags added to the first block.</param>
    /// <param name="lastFlags">Flags added to the last block.</param>
    /// <param name="lastLength">Bytes of the last block that count; those behind them are zeros.</param>
    [SkipLocalsInit]
    public static void CompressPair(
        byte** inputs,
        byte** nextInputs,
        byte** outputs,
        uint* counters,
        int blocks,
        uint* key,
        uint flags,
        uint firstFlags,
        uint lastFlags,
        uint lastLength)
    {
        const int StateWords = 16 * Lanes;
        byte* space = stackalloc byte[(3 * StateWords * sizeof(uint)) + 64];
        uint* h = (uint*)((nuint)(space + 63) & ~(nuint)63);
        uint* m = h + StateWords;
        for (int i = 0; i < 8; i++)
        {
            Vector512<uint> word = Vector512.Create(key[i]);
            word.Store(h + (i * Lanes));
            word.Store(h + ((i + 8) * Lanes));
        }

        ushort* firstOrder = Blake3Constants.MessageOrder(Lanes);
        ushort* endOrder = firstOrder + (7 * 16);
        uint blockFlags = flags | firstFlags;
        uint blockLength = Blake3Constants.BlockSizeInBytes;
        for (int block = 0; block < blocks; block++)
        {
            if (block == blocks - 1)
            {
                blockFlags |= lastFlags;
                blockLength = lastLength;
            }

            nuint offset = (nuint)block * Blake3Constants.BlockSizeInBytes;
            LoadMessage(inputs, offset, m);
            LoadMessage(inputs + Lanes, offset, m + StateWords);
            for (int i = 0; i < PairLanes; i++)
            {
                Sse.Prefetch1(nextInputs[i] + offset);
            }

            Vector512<uint> v0 = Vector512.Load(h + (0 * Lanes));
            Vector512<uint> v1 = Vector512.Load(h + (1 * Lanes));
            Vector512<uint> v2 = Vector512.Load(h + (2 * Lanes));
            Vector512<uint> v3 = Vector512.Load(h + (3 * Lanes));
            Vector512<uint> v4 = Vector512.Load(h + (4 * Lanes));
            Vector512<uint> v5 = Vector512.Load(h + (5 * Lanes));
            Vector512<uint> v6 = Vector512.Load(h + (6 * Lanes));
            Vector512<uint> v7 = Vector512.Load(h + (7 * Lanes));
            Vector512<uint> v8 = Vector512.Create(Blake3Constants.Iv0);
            Vector512<uint> v9 = Vector512.Create(Blake3Constants.Iv1);
            Vector512<uint> v10 = Vector512.Create(Blake3Constants.Iv2);
            Vector512<uint> v11 = Vector512.Create(Blake3Constants.Iv3);
            Vector512<uint> v12 = Vector512.Load(counters);
            Vector512<uint> v13 = Vector512.Load(counters + PairLanes);
            Vector512<uint> v14 = Vector512.Create(blockLength);
            Vector512<uint> v15 = Vector512.Create(blockFlags);
            Vector512<uint> w0 = Vector512.Load(h + (8 * Lanes));
            Vector512<uint> w1 = Vector512.Load(h + (9 * Lanes));
            Vector512<uint> w2 = Vector512.Load(h + (10 * Lanes));
            Vector512<uint> w3 = Vector512.Load(h + (11 * Lanes));
            Vector512<uint> w4 = Vector512.Load(h + (12 * Lanes));
            Vector512<uint> w5 = Vector512.Load(h + (13 * Lanes));
            Vector512<uint> w6 = Vector512.Load(h + (14 * Lanes));
            Vector512<uint> w7 = Vector512.Load(h + (15 * Lanes));
            Vector512<uint> w8 = Vector512.Create(Blake3Constants.Iv0);
            Vector512<uint> w9 = Vector512.Create(Blake3Constants.Iv1);
            Vector512<uint> w10 = Vector512.Create(Blake3Constants.Iv2);
            Vector512<uint> w11 = Vector512.Create(Blake3Constants.Iv3);
            Vector512<uint> w12 = Vector512.Load(counters + Lanes);
            Vector512<uint> w13 = Vector512.Load(counters + PairLanes + Lanes);
            Vector512<uint> w14 = Vector512.Create(blockLength);
            Vector512<uint> w15 = Vector512.Create(blockFlags);
            for (ushort* order = firstOrder; order != endOrder; order += 16)
            {
                // The second state's message lies a fixed distance behind the first one's, word for word.
                uint* x0 = m + order[0];
                uint* y0 = m + order[1];
                Mix(ref v0, ref v4, ref v8, ref v12, x0, y0);
                Mix(ref w0, ref w4, ref w8, ref w12, x0 + StateWords, y0 + StateWords);
                uint* x1 = m + order[2];
                uint* y1 = m + order[3];
                Mix(ref v1, ref v5, ref v9, ref v13, x1, y1);
                Mix(ref w1, ref w5, ref w9, ref w13, x1 + StateWords, y1 + StateWords);
                uint* x2 = m + order[4];
                uint* y2 = m + order[5];
                Mix(ref v2, ref v6, ref v10, ref v14, x2, y2);
                Mix(ref w2, ref w6, ref w10, ref w14, x2 + StateWords, y2 + StateWords);
                uint* x3 = m + order[6];
                uint* y3 = m + order[7];
                Mix(ref v3, ref v7, ref v11, ref v15, x3, y3);
                Mix(ref w3, ref w7, ref w11, ref w15, x3 + StateWords, y3 + StateWords);
                uint* x4 = m + order[8];
                uint* y4 = m + order[9];
                Mix(ref v0, ref v5, ref v10, ref v15, x4, y4);
                Mix(ref w0, ref w5, ref w10, ref w15, x4 + StateWords, y4 + StateWords);
                uint* x5 = m + order[10];
                uint* y5 = m + order[11];
                Mix(ref v1, ref v6, ref v11, ref v12, x5, y5);
                Mix(ref w1, ref w6, ref w11, ref w12, x5 + StateWords, y5 + StateWords);
                uint* x6 = m + order[12];
                uint* y6 = m + order[13];
                Mix(ref v2, ref v7, ref v8, ref v13, x6, y6);
                Mix(ref w2, ref w7, ref w8, ref w13, x6 + StateWords, y6 + StateWords);
                uint* x7 = m + order[14];
                uint* y7 = m + order[15];
                Mix(ref v3, ref v4, ref v9, ref v14, x7, y7);
                Mix(ref w3, ref w4, ref w9, ref w14, x7 + StateWords, y7 + StateWords);
            }

            (v0 ^ v8).Store(h + (0 * Lanes));
            (v1 ^ v9).Store(h + (1 * Lanes));
            (v2 ^ v10).Store(h + (2 * Lanes));
            (v3 ^ v11).Store(h + (3 * Lanes));
            (v4 ^ v12).Store(h + (4 * Lanes));
            (v5 ^ v13).Store(h + (5 * Lanes));
            (v6 ^ v14).Store(h + (6 * Lanes));
            (v7 ^ v15).Store(h + (7 * Lanes));
            (w0 ^ w8).Store(h + (8 * Lanes));
            (w1 ^ w9).Store(h + (9 * Lanes));
            (w2 ^ w10).Store(h + (10 * Lanes));
            (w3 ^ w11).Store(h + (11 * Lanes));
            (w4 ^ w12).Store(h + (12 * Lanes));
            (w5 ^ w13).Store(h + (13 * Lanes));
            (w6 ^ w14).Store(h + (14 * Lanes));
            (w7 ^ w15).Store(h + (15 * Lanes));
            blockFlags = flags;
        }

        StoreChainingValues(outputs, h);
        StoreChainingValues(outputs + Lanes, h + (8 * Lanes));
    }

    private static void StoreChainingValues(byte** outputs, uint* h) =>
        StoreChainingValues(
            outputs,
            Vector512.Load(h), Vector512.Load(h + Lanes), Vector512.Load(h + (2 * Lanes)), Vector512.Load(h + (3 * Lanes)),
            Vector512.Load(h + (4 * Lanes)), Vector512.Load(h + (5 * Lanes)), Vector512.Load(h + (6 * Lanes)), Vector512.Load(h + (7 * Lanes)));
}
