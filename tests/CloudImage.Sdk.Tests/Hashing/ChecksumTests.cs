using System;
using System.Buffers.Binary;
using System.Linq;
using System.Security.Cryptography;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

public sealed class ChecksumTests
{
    [Fact]
    public void Crc32C_KnownVectors_GivesThem()
    {
        // The check value of the CRC catalogue, and the four vectors of RFC 3720, B.4.
        Assert.Equal(0xE3069283u, Crc32C.HashToUInt32("123456789"u8));
        Assert.Equal(0u, Crc32C.HashToUInt32([]));
        Assert.Equal(0x8A9136AAu, Crc32C.HashToUInt32(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.HashToUInt32(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.HashToUInt32(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()));
        Assert.Equal(0x113FDB5Cu, Crc32C.HashToUInt32(Enumerable.Range(0, 32).Select(i => (byte)(31 - i)).ToArray()));
    }

    [Fact]
    public void Crc32C_AllLengthsAndSplits_EqualsBitByBit()
    {
        byte[] data = new byte[3000];
        new Random(9).NextBytes(data);
        uint expected = uint.MaxValue;
        for (int length = 0; length <= data.Length; length++)
        {
            Assert.Equal(~expected, Crc32C.HashToUInt32(data.AsSpan(0, length)));
            int split = length * 5 / 7;
            Assert.Equal(
                ~expected, Crc32C.Append(Crc32C.HashToUInt32(data.AsSpan(0, split)), data.AsSpan(split, length - split)));
            if (length < data.Length)
            {
                expected ^= data[length];
                for (int bit = 0; bit < 8; bit++)
                {
                    expected = (expected >> 1) ^ ((expected & 1) * 0x82F63B78);
                }
            }
        }
    }

    [Fact]
    public void Crc32C_BetweenGuardPages_ReadsNothingOutside()
    {
        foreach (int length in (int[])[1, 7, 63, 64, 255, 256, 257, 511, 512, 1024, 1025, 4096, 5000])
        {
            using GuardedMemory memory = new(length);
            Span<byte> before = memory.BeforeGuard(length);
            new Random(length).NextBytes(before);
            uint expected = Crc32C.HashToUInt32(before.ToArray());
            Assert.Equal(expected, Crc32C.HashToUInt32(before));
            byte[] copy = before.ToArray();
            copy.CopyTo(memory.AfterGuard(length));
            Assert.Equal(expected, Crc32C.HashToUInt32(memory.AfterGuard(length)));
        }
    }

    [Fact]
    public void Sha256Lanes_BlocksOfManySizes_EqualsHashDataOfEach()
    {
        byte[] data = new byte[300_000];
        new Random(2).NextBytes(data);
        foreach (int blockSize in (int[])[1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 4096, 10_000, 65536, 299_999, 400_000])
        {
            ReadOnlySpan<byte> source = data.AsSpan(0, (int)Math.Min(data.Length, 40L * blockSize));
            ContentDigest[] digests = new ContentDigest[(source.Length + blockSize - 1) / blockSize];
            foreach (int lanes in LaneCounts())
            {
                Sha256Lanes.HashMany(source, blockSize, digests, lanes);
                for (int i = 0; i < digests.Length; i++)
                {
                    ReadOnlySpan<byte> block = source[(i * blockSize)..Math.Min(source.Length, (i + 1) * blockSize)];
                    Assert.Equal(new ContentDigest(SHA256.HashData(block)), digests[i]);
                }
            }

            Array.Clear(digests);
            Sha256Lanes.HashMany(source, blockSize, digests);
            Assert.Equal(new ContentDigest(SHA256.HashData(source[..Math.Min(blockSize, source.Length)])), digests[0]);
        }
    }

    [Fact]
    public void Sha256Lanes_InputsOfMixedSizes_EqualsHashDataOfEach()
    {
        byte[] data = new byte[100_000];
        Random random = new(4);
        random.NextBytes(data);
        for (int round = 0; round < 50; round++)
        {
            ReadOnlyMemory<byte>[] sources = new ReadOnlyMemory<byte>[random.Next(1, 70)];
            for (int i = 0; i < sources.Length; i++)
            {
                int length = random.Next(3) == 0 ? random.Next(300) : round % 2 == 0 ? 4096 : random.Next(9000);
                sources[i] = data.AsMemory(random.Next(data.Length - length), length);
            }

            ContentDigest[] digests = new ContentDigest[sources.Length];
            foreach (int lanes in LaneCounts())
            {
                Array.Clear(digests);
                Sha256Lanes.HashMany(sources, digests, lanes);
                Assert.Equal(sources.Select(source => new ContentDigest(SHA256.HashData(source.Span))), digests);
            }
        }
    }

    [Fact]
    public void Sha256Lanes_BetweenGuardPages_ReadsNothingOutside()
    {
        foreach (int blockSize in (int[])[1, 55, 56, 64, 100, 128, 4096])
        {
            int length = 16 * blockSize;
            using GuardedMemory memory = new(length);
            Span<byte> before = memory.BeforeGuard(length);
            new Random(blockSize).NextBytes(before);
            byte[] copy = before.ToArray();
            ContentDigest[] expected = new ContentDigest[16];
            Sha256Lanes.HashMany(copy, blockSize, expected, 0);
            foreach (int lanes in LaneCounts())
            {
                ContentDigest[] digests = new ContentDigest[16];
                copy.CopyTo(memory.BeforeGuard(length));
                Sha256Lanes.HashMany(memory.BeforeGuard(length), blockSize, digests, lanes);
                Assert.Equal(expected, digests);
                copy.CopyTo(memory.AfterGuard(length));
                Sha256Lanes.HashMany(memory.AfterGuard(length), blockSize, digests, lanes);
                Assert.Equal(expected, digests);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    public unsafe void Sha256Vector512_EitherFormOfSums_EqualsHashData(int blocks)
    {
        Assert.SkipUnless(Sha256Vector512.IsSupported, "The machine has no vectors of 512 bits.");
        int length = blocks * 64;
        byte[] data = new byte[16 * length];
        new Random(blocks).NextBytes(data);
        uint[] shared = CompressAll(&Sha256Vector512.Compress<Sha256Vector512.SharedSums>);
        Assert.Equal(shared, CompressAll(&Sha256Vector512.Compress<Sha256Vector512.SeparateSums>));

        // The digest of a message that ends in its own padding is the state behind the block that holds the padding.
        byte[] padding = new byte[16 * 64];
        for (int lane = 0; lane < 16; lane++)
        {
            padding[lane * 64] = 0x80;
            BinaryPrimitives.WriteInt64BigEndian(padding.AsSpan((lane * 64) + 56), length * 8L);
        }

        uint[] digests = CompressFrom(shared, padding, 1, &Sha256Vector512.Compress<Sha256Vector512.SharedSums>);
        for (int lane = 0; lane < 16; lane++)
        {
            byte[] digest = new byte[32];
            for (int word = 0; word < 8; word++)
            {
                BinaryPrimitives.WriteUInt32BigEndian(digest.AsSpan(4 * word), digests[(word * 16) + lane]);
            }

            Assert.Equal(SHA256.HashData(data.AsSpan(lane * length, length)), digest);
        }

        uint[] CompressAll(delegate*<uint*, byte**, int, void> compress)
        {
            uint[] initial = new uint[8 * 16];
            for (int i = 0; i < initial.Length; i++)
            {
                initial[i] = Sha256Constants.InitialState[i / 16];
            }

            return CompressFrom(initial, data, blocks, compress);
        }

        static uint[] CompressFrom(uint[] from, byte[] data, int blocks, delegate*<uint*, byte**, int, void> compress)
        {
            uint[] state = [.. from];
            byte** inputs = stackalloc byte*[16];
            fixed (byte* start = data)
            fixed (uint* words = state)
            {
                for (int i = 0; i < 16; i++)
                {
                    inputs[i] = start + (i * blocks * 64);
                }

                compress(words, inputs, blocks);
            }

            return state;
        }
    }

    private static int[] LaneCounts() =>
        Sha256Vector512.IsSupported ? [0, 8, 16] : Sha256Vector256.IsSupported ? [0, 8] : [0];
}
