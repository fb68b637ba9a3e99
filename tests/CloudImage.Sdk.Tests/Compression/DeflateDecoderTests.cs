using System;
using System.IO;
using System.IO.Compression;
using System.Text;
using CloudImage.Sdk.Compression;
using Xunit;

namespace CloudImage.Sdk.Tests.Compression;

/// <summary>Holds the decoder against System.IO.Compression, on whole and on damaged streams, between guarded margins.</summary>
public sealed class DeflateDecoderTests
{
    private const int Guard = 64;
    private const byte GuardValue = 0xA5;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Decode_StreamsOfThePlatform_GivesTheContent(int seed)
    {
        Random random = new(seed);
        for (int round = 0; round < 60; round++)
        {
            byte[] content = Content(random, random.Next(0, 200_000));
            CompressionLevel level = (CompressionLevel)random.Next(0, 4);
            byte[] stream = Compress(content, level);
            (DeflateStatus status, byte[] result, int produced, int consumed) = Decode(stream, content.Length);

            Assert.Equal(DeflateStatus.Done, status);
            Assert.Equal(content.Length, produced);
            Assert.Equal(stream.Length, consumed);
            Assert.True(content.AsSpan().SequenceEqual(result), $"seed {seed}, round {round}, level {level}");
        }
    }

    [Fact]
    public void Decode_StreamsOfTheEncoder_GivesTheContent()
    {
        Random random = new(11);
        DeflateEncoder encoder = new();
        for (int round = 0; round < 100; round++)
        {
            byte[] content = Content(random, random.Next(0, DeflateEncoder.MaxLength + 1));
            byte[] buffer = new byte[content.Length + 1024];
            int length = encoder.EncodeZlib(content, buffer);
            byte[] result = new byte[content.Length];
            DeflateStatus status = DeflateDecoder.ForThread.DecodeZlib(buffer.AsSpan(0, length), result, out int produced);

            Assert.Equal(DeflateStatus.Done, status);
            Assert.Equal(content.Length, produced);
            Assert.True(content.AsSpan().SequenceEqual(result), $"round {round}");
        }
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    public void Decode_DamagedStreams_AgreesWithThePlatform(int seed)
    {
        Random random = new(seed);
        for (int round = 0; round < 2000; round++)
        {
            byte[] content = Content(random, random.Next(1, 3000));
            byte[] stream = Compress(content, (CompressionLevel)random.Next(0, 4));
            int changes = random.Next(1, 4);
            for (int i = 0; i < changes; i++)
            {
                // The beginning of a stream holds its codes: most damage is to be there.
                stream[random.Next(random.Next(2) == 0 ? Math.Min(stream.Length, 60) : stream.Length)] ^= (byte)(1 << random.Next(8));
            }

            if (random.Next(4) == 0)
            {
                Array.Resize(ref stream, random.Next(stream.Length));
            }

            AssertAgrees(stream, content.Length + random.Next(-500, 5000), $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void Decode_Noise_AgreesWithThePlatform()
    {
        Random random = new(31);
        for (int round = 0; round < 5000; round++)
        {
            byte[] stream = new byte[random.Next(0, 400)];
            random.NextBytes(stream);
            if (stream.Length > 0 && random.Next(2) == 0)
            {
                // A block with codes of its own, of which most noise is none.
                stream[0] = (byte)((stream[0] & 0xF8) | 5);
            }

            AssertAgrees(stream, random.Next(0, 2000), $"round {round}");
        }
    }

    [Fact]
    public void Decode_EveryLengthOfAStream_IsTruncated()
    {
        byte[] content = Content(new Random(41), 2000);
        byte[] stream = Compress(content, CompressionLevel.Optimal);
        for (int length = 0; length < stream.Length; length++)
        {
            Assert.Equal(DeflateStatus.Truncated, Decode(stream.AsSpan(0, length).ToArray(), content.Length).Status);
        }
    }

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.Optimal)]
    public void Decode_LessRoomThanContent_IsFull(CompressionLevel level)
    {
        byte[] content = Content(new Random(43), 4000);
        byte[] stream = Compress(content, level);
        for (int room = 0; room < content.Length; room += 7)
        {
            (DeflateStatus status, byte[] result, int produced, _) = Decode(stream, room);
            Assert.Equal(DeflateStatus.Full, status);
            Assert.Equal(room, produced);
            Assert.True(content.AsSpan(0, room).SequenceEqual(result));
        }
    }

    [Fact]
    public void DecodeZlib_WrongHeaderOrChecksum_IsDamaged()
    {
        byte[] content = Content(new Random(47), 3000);
        using MemoryStream output = new();
        using (ZLibStream deflater = new(output, CompressionLevel.Optimal, true))
        {
            deflater.Write(content);
        }

        byte[] stream = output.ToArray();
        byte[] result = new byte[content.Length];
        Assert.Equal(DeflateStatus.Done, DeflateDecoder.ForThread.DecodeZlib(stream, result, out _));
        Assert.Equal(DeflateStatus.Truncated, DeflateDecoder.ForThread.DecodeZlib(stream.AsSpan(0, stream.Length - 1), result, out _));
        foreach (int place in (int[])[0, 1, stream.Length - 1, stream.Length - 4])
        {
            byte[] damaged = (byte[])stream.Clone();
            damaged[place] ^= 0x20;
            Assert.Equal(DeflateStatus.Damaged, DeflateDecoder.ForThread.DecodeZlib(damaged, result, out _));
        }
    }

    private static void AssertAgrees(byte[] stream, int room, string where)
    {
        room = Math.Max(0, room);
        (DeflateStatus status, byte[] result, int produced, _) = Decode(stream, room);
        byte[] expected = new byte[room + 1];
        int count = 0;
        bool isDamaged = false;
        try
        {
            using DeflateStream inflater = new(new MemoryStream(stream), CompressionMode.Decompress);
            int read;
            while (count < expected.Length && (read = inflater.Read(expected, count, expected.Length - count)) > 0)
            {
                count += read;
            }
        }
        catch (InvalidDataException)
        {
            isDamaged = true;
        }

        if (!isDamaged)
        {
            if (status is DeflateStatus.Done or DeflateStatus.Full)
            {
                Assert.True(status == DeflateStatus.Full == count > room, $"{where}: {status}, {count} of {room} bytes");
                Assert.True(produced == Math.Min(count, room), $"{where}: {produced} bytes instead of {count}");
            }
            else
            {
                // The platform may take a stream that ends early for one that ends.
                Assert.True(status == DeflateStatus.Truncated && count <= room, $"{where}: {status}, where the platform reads {count} bytes");
            }
        }
        else
        {
            // The platform looks further than the room; what it has read before it failed is not known.
            Assert.True(status != DeflateStatus.Done, $"{where}: done, where the platform fails");
        }

        int common = Math.Min(produced, count);
        Assert.True(result.AsSpan(0, common).SequenceEqual(expected.AsSpan(0, common)), $"{where}: other content");
    }

    private static (DeflateStatus Status, byte[] Result, int Produced, int Consumed) Decode(byte[] stream, int room)
    {
        byte[] buffer = new byte[Guard + room + Guard];
        buffer.AsSpan().Fill(GuardValue);
        DeflateStatus status = new DeflateDecoder().Decode(stream, buffer.AsSpan(Guard, room), out int produced, out int consumed);
        Assert.False(buffer.AsSpan(0, Guard).ContainsAnyExcept(GuardValue), "Written in front of the room.");
        Assert.False(buffer.AsSpan(Guard + room).ContainsAnyExcept(GuardValue), "Written behind the room.");
        Assert.InRange(produced, 0, room);
        if (status == DeflateStatus.Done)
        {
            Assert.InRange(consumed, 0, stream.Length);
        }

        return (status, buffer.AsSpan(Guard, room).ToArray(), produced, consumed);
    }

    private static byte[] Compress(byte[] content, CompressionLevel level)
    {
        using MemoryStream output = new();
        using (DeflateStream deflater = new(output, level, true))
        {
            deflater.Write(content);
        }

        return output.ToArray();
    }

    // Text, runs, short periods, noise and skewed bytes, in turns: all kinds of matches and codes.
    private static byte[] Content(Random random, int length)
    {
        byte[] content = new byte[length];
        byte[] text = Encoding.ASCII.GetBytes("the disk holds a cluster, the cluster holds a sector, and the sector holds what it holds; ");
        for (int at = 0; at < length;)
        {
            int count = Math.Min(length - at, random.Next(1, 6000));
            Span<byte> part = content.AsSpan(at, count);
            switch (random.Next(6))
            {
                case 0:
                    part.Fill((byte)random.Next(256));
                    break;
                case 1:
                    random.NextBytes(part);
                    break;
                case 2:
                    for (int i = 0; i < count; i++)
                    {
                        part[i] = text[(i + (i / 97 * 13)) % text.Length];
                    }

                    break;
                case 3:
                    int period = random.Next(1, 40);
                    for (int i = 0; i < count; i++)
                    {
                        part[i] = (byte)(i % period * 7);
                    }

                    break;
                case 4:
                    for (int i = 0; i < count; i++)
                    {
                        double u = random.NextDouble();
                        part[i] = (byte)(256 * u * u * u * u * u * u);
                    }

                    break;
                default:
                    for (int i = 0; i < count; i++)
                    {
                        // Twice as many of each value as of the next: codes longer than the table's index.
                        part[i] = (byte)(System.Numerics.BitOperations.TrailingZeroCount(random.Next() | (1 << 20)) * 11);
                    }

                    break;
            }

            at += count;
        }

        return content;
    }
}
