using System;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Tests.Hashing;
using K4os.Compression.LZ4;
using Xunit;

namespace CloudImage.Sdk.Tests.Compression;

/// <summary>The encoder against the library, which decodes what it makes and is held to for the size.</summary>
public sealed class Lz4EncoderTests
{
    private const int MaxLength = 300_000;

    [Fact]
    public void Encode_OfEveryKindOfContent_IsDecodedToItByTheLibrary()
    {
        byte[] packed = new byte[LZ4Codec.MaximumOutputSize(MaxLength) + 64];
        byte[] plain = new byte[MaxLength];
        for (int seed = 0; seed < 2000; seed++)
        {
            byte[] content = Content(seed);
            int length = Lz4Encoder.Encode(content, packed);
            Assert.True(length > 0, $"seed {seed}");
            Assert.Equal(content.Length, LZ4Codec.Decode(packed.AsSpan(0, length), plain.AsSpan(0, content.Length)));
            Assert.True(content.AsSpan().SequenceEqual(plain.AsSpan(0, content.Length)), $"seed {seed}");
        }
    }

    [Fact]
    public void Encode_BetweenGuards_TouchesNothingBesideEitherSpan()
    {
        using GuardedMemory source = new(MaxLength);
        using GuardedMemory destination = new(LZ4Codec.MaximumOutputSize(MaxLength) + 64);
        byte[] plain = new byte[MaxLength];
        for (int seed = 0; seed < 600; seed++)
        {
            byte[] content = Content(seed);
            Span<byte> input = seed % 2 == 0 ? source.BeforeGuard(content.Length) : source.AfterGuard(content.Length);
            content.CopyTo(input);
            int needed = Lz4Encoder.Encode(input, destination.BeforeGuard(LZ4Codec.MaximumOutputSize(content.Length) + 32));

            // Every room up to more than enough: what is given back is whole or nothing.
            Span<byte> output = destination.BeforeGuard(new Random(seed).Next(needed + 40));
            int length = Lz4Encoder.Encode(input, output);
            Assert.True(length == 0 || length == needed, $"seed {seed}");
            if (length > 0)
            {
                Assert.Equal(content.Length, LZ4Codec.Decode(output[..length], plain.AsSpan(0, content.Length)));
            }
        }
    }

    [Fact]
    public void Encode_WithRoomToSpare_SucceedsAndWithoutIt_DoesNot()
    {
        byte[] content = Content(1999);
        byte[] packed = new byte[LZ4Codec.MaximumOutputSize(content.Length) + 64];
        int needed = Lz4Encoder.Encode(content, packed);
        Assert.Equal(needed, Lz4Encoder.Encode(content, packed.AsSpan(0, needed + 64)));
        Assert.Equal(0, Lz4Encoder.Encode(content, packed.AsSpan(0, needed - 1)));
        Assert.Equal(0, Lz4Encoder.Encode(content, default));
    }

    // Six bytes are hashed for speed, four in the library, and places are skipped sooner: 6 % more bytes on a system disk, 9 % on this content.
    [Fact]
    public void Encode_IsLittleLargerThanTheLibrarysFastestLevel()
    {
        byte[] packed = new byte[LZ4Codec.MaximumOutputSize(MaxLength) + 64];
        long ours = 0;
        long theirs = 0;
        for (int seed = 0; seed < 400; seed++)
        {
            byte[] content = Content(seed);
            ours += Lz4Encoder.Encode(content, packed);
            theirs += Math.Max(1, LZ4Codec.Encode(content, packed, LZ4Level.L00_FAST));
        }

        Assert.InRange(ours, 1, theirs * 110 / 100);
    }

    [Fact]
    public void Encode_OfZeros_LeavesOneLongMatch() => Assert.InRange(Lz4Encoder.Encode(new byte[262144], new byte[2000]), 1, 1100);

    // Noise, repeats near and far (beyond the reach of a distance too), runs of one byte, and few symbols, mixed.
    private static byte[] Content(int seed)
    {
        Random random = new(seed);
        byte[] content = new byte[seed < 300 ? seed + 1 : random.Next(1, seed % 7 == 0 ? MaxLength : 20_000)];
        for (int i = 0; i < content.Length;)
        {
            Span<byte> part = content.AsSpan(i, Math.Min(content.Length - i, 1 + random.Next(seed % 3 == 0 ? 60 : 3000)));
            switch (random.Next((seed % 5) + 1))
            {
                case 0:
                    random.NextBytes(part);
                    break;
                case 1 when i > 0:
                    int distance = 1 + random.Next(Math.Min(i, 1 << random.Next(1, 18)));
                    for (int k = 0; k < part.Length; k++)
                    {
                        part[k] = content[i + k - distance];
                    }

                    break;
                case 2:
                    part.Fill((byte)random.Next(256));
                    break;
                default:
                    for (int k = 0; k < part.Length; k++)
                    {
                        part[k] = (byte)random.Next(6);
                    }

                    break;
            }

            i += part.Length;
        }

        return content;
    }
}
