using System;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

public sealed class ZeroDetectorTests
{
    [Fact]
    public void IsZero_OneByteSetAnywhere_IsFalse()
    {
        for (int length = 0; length < 1200; length += length < 150 ? 1 : 37)
        {
            using GuardedMemory memory = new(length);
            foreach (bool atEnd in (bool[])[false, true])
            {
                Span<byte> span = atEnd ? memory.BeforeGuard(length) : memory.AfterGuard(length);
                span.Clear();
                Assert.True(ZeroDetector.IsZero(span));
                Assert.Equal(-1, ZeroDetector.IndexOfNonZero(span));
                for (int i = 0; i < length; i++)
                {
                    span[i] = 1;
                    Assert.False(ZeroDetector.IsZero(span));
                    Assert.Equal(i, ZeroDetector.IndexOfNonZero(span));
                    Assert.Equal(i, ZeroDetector.LastIndexOfNonZero(span));
                    span[i] = 0;
                }
            }
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(65536)]
    [InlineData(1024 * 1024)]
    public void IsZero_LargeBlocks_SeesEveryByte(int length)
    {
        byte[] data = new byte[length];
        Assert.True(ZeroDetector.IsZero(data));
        for (int i = 0; i < length; i += length > 65536 ? 509 : 31)
        {
            data[i] = 0x80;
            Assert.False(ZeroDetector.IsZero(data));
            data[i] = 0;
        }
    }

    [Fact]
    public void IndexOfDifference_EveryPosition_IsFound()
    {
        byte[] left = new byte[700];
        new Random(3).NextBytes(left);
        byte[] right = [.. left];
        Assert.Equal(-1, ZeroDetector.IndexOfDifference(left, right));
        for (int i = 0; i < left.Length; i++)
        {
            right[i] ^= 4;
            Assert.Equal(i, ZeroDetector.IndexOfDifference(left, right));
            right[i] ^= 4;
        }

        Assert.Throws<ArgumentException>(() => ZeroDetector.IndexOfDifference(left, right.AsSpan(1)));
    }

    [Fact]
    public void GetRunLength_RandomRuns_GivesEachInTurn()
    {
        Random random = new(11);
        for (int round = 0; round < 200; round++)
        {
            int blockSize = random.Next(1, 200);
            byte[] data = new byte[random.Next(1, 20_000)];
            for (int block = 0; block * blockSize < data.Length; block++)
            {
                if (random.Next(3) == 0)
                {
                    data[Math.Min(data.Length - 1, (block * blockSize) + random.Next(blockSize))] = 9;
                }
            }

            bool? previous = null;
            for (int offset = 0; offset < data.Length;)
            {
                int length = ZeroDetector.GetRunLength(data.AsSpan(offset), blockSize, out bool isZero);
                Assert.True(length > 0 && (length % blockSize == 0 || offset + length == data.Length));
                Assert.NotEqual(previous, isZero);
                for (int at = offset; at < offset + length; at += blockSize)
                {
                    int end = Math.Min(at + blockSize, data.Length);
                    Assert.Equal(isZero, data.AsSpan(at, end - at).IndexOfAnyExcept((byte)0) < 0);
                }

                previous = isZero;
                offset += length;
            }
        }
    }

    [Fact]
    public void ChangedBlocks_RandomChanges_MarksTheirBlocks()
    {
        Random random = new(5);
        foreach (int length in (int[])[0, 1, 4095, 4096, 4097, 100_000, 256 * 1024])
        {
            byte[] left = new byte[length];
            random.NextBytes(left);
            for (int round = 0; round < 30; round++)
            {
                byte[] right = [.. left];
                ulong expected = 0;
                for (int change = 0; length > 0 && change < round; change++)
                {
                    int at = random.Next(length);
                    right[at] = (byte)~left[at];
                    expected |= 1UL << (at / 4096);
                }

                Assert.Equal(expected, ZeroDetector.ChangedBlocks(left, right));
            }
        }

        Assert.Throws<ArgumentException>(
            () => ZeroDetector.ChangedBlocks(new byte[(256 * 1024) + 1], new byte[(256 * 1024) + 1]));
    }
}
