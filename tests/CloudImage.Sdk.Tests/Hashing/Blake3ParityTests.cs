using System;
using System.Linq;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

/// <summary>Every kernel and every door gives what the scalar form gives.</summary>
public sealed class Blake3ParityTests
{
    private const int Seed = 20240611;

    public static TheoryData<int> Kernels => [.. Enumerable.Range(0, (int)Blake3Engine.LastKernel + 1)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void HashData_LengthsAroundEveryEdge_EqualsScalar(int kernel)
    {
        byte[] data = RandomData(600 * 1024);
        foreach (int leaves in (int[])[0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65, 128, 255, 256, 257, 300, 512, 513])
        {
            foreach (int delta in (int[])[-65, -64, -63, -1, 0, 1, 63, 64, 65])
            {
                int length = (leaves * 1024) + delta;
                if (length >= 0)
                {
                    ReadOnlySpan<byte> source = data.AsSpan(0, length);
                    Assert.Equal(
                        Blake3.HashData(source, Blake3Kernel.Scalar), Blake3.HashData(source, (Blake3Kernel)kernel));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Append_AnySplits_EqualsHashData(int kernel)
    {
        byte[] data = RandomData(900 * 1024);
        Random random = new(Seed);
        for (int round = 0; round < 60; round++)
        {
            int length = random.Next(data.Length);
            Blake3 hasher = new(Blake3Constants.Iv.ToArray(), 0, (Blake3Kernel)kernel);
            for (int offset = 0; offset < length;)
            {
                int piece = 1 << random.Next(0, 20);
                piece = Math.Min(length - offset, random.Next(2) == 0 ? piece : random.Next(piece) + 1);
                hasher.Append(data.AsSpan(offset, piece));
                offset += piece;
                if (random.Next(20) == 0)
                {
                    Assert.Equal(
                        Blake3.HashData(data.AsSpan(0, offset)), hasher.GetCurrentDigest());
                }
            }

            Assert.Equal(Blake3.HashData(data.AsSpan(0, length)), hasher.GetCurrentDigest());
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void HashMany_BlocksOfOneSize_EqualsHashDataOfEach(int kernel)
    {
        byte[] data = RandomData(1100 * 1024);
        foreach (int blockSize in (int[])[1, 33, 63, 64, 65, 100, 127, 512, 545, 1000, 1023, 1024, 1025, 1536, 2048, 3000, 4096, 5 * 1024, 65536, 100_000, 256 * 1024, 300 * 1024])
        {
            ReadOnlySpan<byte> source = data.AsSpan(0, Math.Min(data.Length, (blockSize * 300) + 7));
            int blocks = (source.Length + blockSize - 1) / blockSize;
            ContentDigest[] digests = new ContentDigest[blocks];
            Blake3.HashMany(source, blockSize, digests, (Blake3Kernel)kernel);
            for (int i = 0; i < blocks; i++)
            {
                ReadOnlySpan<byte> block = source[(i * blockSize)..Math.Min(source.Length, (i + 1) * blockSize)];
                Assert.Equal(Blake3.HashData(block), digests[i]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void HashMany_InputsOfMixedSizes_EqualsHashDataOfEach(int kernel)
    {
        byte[] data = RandomData(700 * 1024);
        Random random = new(Seed);
        for (int round = 0; round < 20; round++)
        {
            ReadOnlyMemory<byte>[] sources = new ReadOnlyMemory<byte>[random.Next(1, 200)];
            for (int i = 0; i < sources.Length; i++)
            {
                int length = random.Next(5) switch
                {
                    0 => random.Next(3000),
                    1 => 1024 * random.Next(20),
                    2 => random.Next(20_000),
                    3 => 64 * random.Next(17),
                    _ => random.Next(30) == 0 ? random.Next(data.Length) : 4096,
                };
                sources[i] = data.AsMemory(random.Next(data.Length - length + 1), length);
            }

            ContentDigest[] digests = new ContentDigest[sources.Length];
            Blake3.HashMany(sources, digests, (Blake3Kernel)kernel);
            for (int i = 0; i < sources.Length; i++)
            {
                Assert.Equal(Blake3.HashData(sources[i].Span), digests[i]);
            }
        }
    }

    private static byte[] RandomData(int length)
    {
        byte[] data = new byte[length];
        new Random(Seed).NextBytes(data);
        return data;
    }
}
