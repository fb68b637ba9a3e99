using System;
using System.IO;
using System.IO.Compression;
using System.Text;
using CloudImage.Sdk.Compression;
using Xunit;

namespace CloudImage.Sdk.Tests.Compression;

public sealed class DeflateEncoderTests
{
    [Fact]
    public void EncodeZlib_OfEveryKindOfContent_IsInflatedToIt()
    {
        DeflateEncoder encoder = new();
        byte[] packed = new byte[DeflateEncoder.MaxLength + 1024];
        for (int seed = 0; seed < 1200; seed++)
        {
            byte[] content = Content(seed);
            int length = encoder.EncodeZlib(content, packed);
            Assert.True(length > 0, $"seed {seed}");
            Assert.True(content.AsSpan().SequenceEqual(Inflate(packed, length, content.Length)), $"seed {seed}");
        }
    }

    [Fact]
    public void EncodeZlib_WithoutRoom_SaysSoAndStaysWithin()
    {
        DeflateEncoder encoder = new();
        byte[] packed = new byte[DeflateEncoder.MaxLength + 1024];
        for (int seed = 0; seed < 300; seed++)
        {
            byte[] content = Content(seed);
            int needed = encoder.EncodeZlib(content, packed);
            packed.AsSpan().Fill(0xEE);
            int room = new Random(seed).Next(needed);
            Assert.Equal(-1, encoder.EncodeZlib(content, packed.AsSpan(0, room)));
            Assert.False(packed.AsSpan(room).ContainsAnyExcept((byte)0xEE), $"seed {seed}");
        }
    }

    [Fact]
    public void EncodeZlib_OfNoise_AddsLittle()
    {
        byte[] noise = new byte[DeflateEncoder.MaxLength];
        new Random(1).NextBytes(noise);
        int length = new DeflateEncoder().EncodeZlib(noise, new byte[noise.Length + 1024]);
        Assert.InRange(length, 1, noise.Length + 100);
    }

    [Fact]
    public void EncodeZlib_OfText_IsNotLargerThanTheUsualLevel()
    {
        byte[] text = Encoding.UTF8.GetBytes(File.ReadAllText(typeof(DeflateEncoderTests).Assembly.Location, Encoding.Latin1))[..DeflateEncoder.MaxLength];
        using MemoryStream usual = new();
        using (ZLibStream deflater = new(usual, new ZLibCompressionOptions { CompressionLevel = 6 }, true))
        {
            deflater.Write(text);
        }

        int length = new DeflateEncoder().EncodeZlib(text, new byte[text.Length]);
        Assert.True(length <= usual.Length, $"{length} against {usual.Length}");
    }

    [Theory]
    [InlineData("", 0x00000001u)]
    [InlineData("Wikipedia", 0x11E60398u)]
    public void Adler32_HasTheKnownValues(string text, uint expected) => Assert.Equal(expected, Adler32.Compute(Encoding.ASCII.GetBytes(text)));

    private static byte[] Inflate(byte[] packed, int length, int expected)
    {
        using ZLibStream inflater = new(new MemoryStream(packed, 0, length), CompressionMode.Decompress);
        byte[] content = new byte[expected];
        inflater.ReadExactly(content);
        Assert.Equal(-1, inflater.ReadByte());
        return content;
    }

    private static byte[] Content(int seed)
    {
        Random random = new(seed);
        byte[] content = new byte[seed < 200 ? seed : random.Next(DeflateEncoder.MaxLength + 1)];
        for (int i = 0; i < content.Length;)
        {
            int run = Math.Min(content.Length - i, 1 + random.Next(400));
            Span<byte> part = content.AsSpan(i, run);
            switch (random.Next(seed % 5 + 1))
            {
                case 0:
                    random.NextBytes(part);
                    break;
                case 1 when i > 0:
                    int distance = 1 + random.Next(i);
                    for (int k = 0; k < run; k++)
                    {
                        part[k] = content[i + k - distance];
                    }

                    break;
                case 2:
                    part.Fill((byte)random.Next(256));
                    break;
                default:
                    for (int k = 0; k < run; k++)
                    {
                        part[k] = (byte)random.Next(6);
                    }

                    break;
            }

            i += run;
        }

        return content;
    }
}
