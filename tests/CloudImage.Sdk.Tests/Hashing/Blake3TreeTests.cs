using System;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

public sealed class Blake3TreeTests
{
    private static readonly int[] s_lengths =
        [0, 1, 1023, 1024, 1025, 2048, 3073, 16384, 16385, 40_000, 65536, 65537, 262_144, 300_001, 1_048_577];

    [Theory]
    [InlineData(1024)]
    [InlineData(4096)]
    [InlineData(16384)]
    [InlineData(262144)]
    public void BuildOutboard_AnyLength_GivesTheDigest(int groupSize)
    {
        foreach (int length in s_lengths)
        {
            byte[] content = Content(length);
            byte[] outboard = new byte[Blake3Tree.GetOutboardLength(length, groupSize)];
            Assert.Equal(Blake3.HashData(content), Blake3Tree.BuildOutboard(content, groupSize, outboard));
            int groups = Math.Max(1, (length + groupSize - 1) / groupSize);
            Assert.Equal(64 * (groups - 1), outboard.Length);
        }
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(16384)]
    public void VerifyRange_RandomRanges_AcceptsTheContentAndNothingElse(int groupSize)
    {
        Random random = new(groupSize);
        foreach (int length in s_lengths)
        {
            byte[] content = Content(length);
            byte[] outboard = new byte[Blake3Tree.GetOutboardLength(length, groupSize)];
            ContentDigest digest = Blake3Tree.BuildOutboard(content, groupSize, outboard);
            for (int round = 0; round < 12; round++)
            {
                int offset = length == 0 ? 0 : random.Next(length);
                int count = length == 0 ? 0 : round == 0 ? length - offset : random.Next(1, Math.Min(length - offset, 40_000) + 1);
                byte[] proof = Blake3Tree.CreateProof(outboard, length, groupSize, offset, count);
                byte[] data = content[Blake3Tree.GetProvenRange(length, groupSize, offset, count)];
                Assert.True(Blake3Tree.VerifyRange(digest, length, groupSize, offset, count, proof, data));

                if (data.Length > 0)
                {
                    int at = random.Next(data.Length);
                    data[at] ^= 1;
                    Assert.False(Blake3Tree.VerifyRange(digest, length, groupSize, offset, count, proof, data));
                    data[at] ^= 1;
                    Assert.False(Blake3Tree.VerifyRange(digest, length, groupSize, offset, count, proof, data.AsSpan(1)));
                    Assert.False(Blake3Tree.VerifyRange(digest, length, groupSize, offset, count, proof, [.. data, 0]));
                }

                if (proof.Length > 0)
                {
                    int at = random.Next(proof.Length);
                    proof[at] ^= 0x20;
                    Assert.False(Blake3Tree.VerifyRange(digest, length, groupSize, offset, count, proof, data));
                    proof[at] ^= 0x20;
                    Assert.False(Blake3Tree.VerifyRange(digest, length, groupSize, offset, count, proof.AsSpan(64), data));
                    Assert.False(Blake3Tree.VerifyRange(digest, length, groupSize, offset, count, [.. proof, .. proof[..64]], data));
                }
            }
        }
    }

    [Fact]
    public void VerifyRange_ChainingValueAsDigest_IsRefused()
    {
        // The left half of a content has a chaining value in the outboard, which must not pass for a digest.
        byte[] content = Content(4096);
        byte[] outboard = new byte[Blake3Tree.GetOutboardLength(content.Length, 1024)];
        Blake3Tree.BuildOutboard(content, 1024, outboard);
        ContentDigest left = new(outboard.AsSpan(0, 32));
        byte[] proof = Blake3Tree.CreateProof(outboard.AsSpan(64), 2048, 1024, 0, 2048);
        Assert.False(Blake3Tree.VerifyRange(left, 2048, 1024, 0, 2048, proof, content.AsSpan(0, 2048)));
    }

    [Fact]
    public void Arguments_OutOfRange_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Blake3Tree.GetOutboardLength(1000, 1000));
        Assert.Throws<ArgumentOutOfRangeException>(() => Blake3Tree.GetOutboardLength(-1, 1024));
        Assert.Throws<ArgumentOutOfRangeException>(() => Blake3Tree.GetProvenRange(5000, 1024, 4000, 1001));
        Assert.Throws<ArgumentOutOfRangeException>(() => Blake3Tree.GetProvenRange(5000, 1024, 4000, 0));
        Assert.Throws<ArgumentException>(() => Blake3Tree.CreateProof(new byte[10], 5000, 1024, 0, 1));
        Assert.Throws<ArgumentException>(() => Blake3Tree.BuildOutboard(new byte[5000], 1024, new byte[100]));
    }

    private static byte[] Content(int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        return content;
    }
}
