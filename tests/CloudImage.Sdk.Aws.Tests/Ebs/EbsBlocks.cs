using System;
using System.Collections.Generic;
using CloudImage.Sdk.Aws.Ebs;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

internal static class EbsBlocks
{
    /// <summary>Blocks of random bytes at given places.</summary>
    public static Dictionary<int, byte[]> Random(int seed, IEnumerable<int> indexes)
    {
        Random random = new(seed);
        Dictionary<int, byte[]> blocks = [];
        foreach (int index in indexes)
        {
            blocks[index] = new byte[EbsConstants.BlockSize];
            random.NextBytes(blocks[index]);
        }

        return blocks;
    }
}
