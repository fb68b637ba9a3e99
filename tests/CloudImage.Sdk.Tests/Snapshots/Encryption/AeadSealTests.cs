using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Security.Cryptography;
using CloudImage.Sdk.Snapshots.Encryption;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Encryption;

public sealed class AeadSealTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(0, 32).Select(index => (byte)index)];

    [Fact]
    public void Seal_IsHkdfExpandAndAesGcm_AsDescribed()
    {
        byte[] sealedMessage = Seal("the message"u8.ToArray(), "context"u8.ToArray());
        byte[] messageKey = new byte[32];
        HKDF.Expand(HashAlgorithmName.SHA256, s_key, messageKey, [.. "label"u8, .. sealedMessage.AsSpan(0, 16)]);
        byte[] plain = new byte[sealedMessage.Length - 32];
        using var cipher = new AesGcm(messageKey, 16);
        cipher.Decrypt(new byte[12], sealedMessage.AsSpan(16, plain.Length), sealedMessage.AsSpan(16 + plain.Length), plain, "context"u8);
        Assert.Equal("the message"u8.ToArray(), plain);
    }

    [Fact]
    public void Open_WithAnyBitFlipped_FailsAndClears()
    {
        byte[] message = "a message of some length"u8.ToArray();
        byte[] sealedMessage = Seal(message, "context"u8.ToArray());
        byte[] plain = new byte[message.Length];
        Assert.True(AeadSeal.TryOpen(s_key, "label"u8, "context"u8, sealedMessage, plain));
        Assert.Equal(message, plain);
        for (int bit = 0; bit < sealedMessage.Length * 8; bit++)
        {
            sealedMessage[bit / 8] ^= (byte)(1 << (bit % 8));
            plain.AsSpan().Fill(0xFF);
            Assert.False(AeadSeal.TryOpen(s_key, "label"u8, "context"u8, sealedMessage, plain));
            Assert.Equal(-1, plain.AsSpan().IndexOfAnyExcept((byte)0));
            sealedMessage[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.False(AeadSeal.TryOpen(s_key, "lable"u8, "context"u8, sealedMessage, plain));
        Assert.False(AeadSeal.TryOpen(s_key, "label"u8, "another"u8, sealedMessage, plain));
        Assert.False(AeadSeal.TryOpen(new byte[32], "label"u8, "context"u8, sealedMessage, plain));
        Assert.False(AeadSeal.TryOpen(s_key, "label"u8, "context"u8, sealedMessage.AsSpan(1), plain));
        Assert.False(AeadSeal.TryOpen(s_key, "label"u8, "context"u8, [], plain));
    }

    [Fact]
    public void Seal_OfTheSame_NeverRepeats()
    {
        HashSet<string> seen = [];
        for (int round = 0; round < 1000; round++)
        {
            Assert.True(seen.Add(Convert.ToHexString(Seal(new byte[16], []))));
        }
    }

    [Fact]
    public void Measure_WhenAsked_PrintsCosts()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CLOUDIMAGE_MEASURE") == "1", "Measures only with CLOUDIMAGE_MEASURE=1.");
        foreach (int length in new[] { 64, 16 * 1024, 256 * 1024 })
        {
            byte[] message = new byte[length];
            byte[] destination = new byte[length + AeadSeal.Overhead];
            byte[] header = new byte[48];
            for (int pass = 0; pass < 3; pass++)
            {
                var clock = Stopwatch.StartNew();
                const int Rounds = 2000;
                for (int round = 0; round < Rounds; round++)
                {
                    AeadSeal.Seal(s_key, "frame"u8, header, message, destination);
                }

                double seal = clock.Elapsed.TotalMicroseconds / Rounds;
                clock.Restart();
                for (int round = 0; round < Rounds; round++)
                {
                    AeadSeal.TryOpen(s_key, "frame"u8, header, destination, message);
                }

                TestContext.Current.TestOutputHelper?.WriteLine($"{length} bytes: seal {seal:f2} us, open {clock.Elapsed.TotalMicroseconds / Rounds:f2} us");
            }
        }
    }

    private static byte[] Seal(byte[] message, byte[] associatedData)
    {
        byte[] sealedMessage = new byte[message.Length + AeadSeal.Overhead];
        AeadSeal.Seal(s_key, "label"u8, associatedData, message, sealedMessage);
        return sealedMessage;
    }
}
