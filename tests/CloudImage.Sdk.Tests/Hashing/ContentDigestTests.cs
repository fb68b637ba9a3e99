using System;
using System.Globalization;
using System.Linq;
using System.Text;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

public sealed class ContentDigestTests
{
    private const string Text = "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff";

    [Fact]
    public void Parse_Text_GivesItBack()
    {
        ContentDigest digest = ContentDigest.Parse(Text);
        Assert.Equal(Text, digest.ToString());
        Assert.Equal(Text.ToUpperInvariant(), $"{digest:X}");
        Assert.Equal(digest, ContentDigest.Parse(Text.ToUpperInvariant()));
        Assert.Equal(Convert.FromHexString(Text), digest.ToArray());
        Assert.Equal(digest, new ContentDigest(digest.ToArray()));
        Assert.False(digest.IsDefault);
        Assert.True(default(ContentDigest).IsDefault);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("0123456789abcdeffedcba987654321000112233445566778899aabbccddeefg")]
    [InlineData("0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff0")]
    [InlineData(" 123456789abcdeffedcba987654321000112233445566778899aabbccddeeff")]
    public void Parse_OtherText_Throws(string text)
    {
        Assert.False(ContentDigest.TryParse(text, out _));
        Assert.Throws<FormatException>(() => ContentDigest.Parse(text));
    }

    [Fact]
    public void TryFormat_CharsAndUtf8_GiveTheText()
    {
        ContentDigest digest = ContentDigest.Parse(Text);
        char[] chars = new char[64];
        Assert.True(digest.TryFormat(chars, out int charsWritten, default, CultureInfo.InvariantCulture));
        Assert.Equal(64, charsWritten);
        Assert.Equal(Text, new string(chars));
        byte[] utf8 = new byte[64];
        Assert.True(digest.TryFormat(utf8, out int bytesWritten, default, CultureInfo.InvariantCulture));
        Assert.Equal(64, bytesWritten);
        Assert.Equal(Text, Encoding.ASCII.GetString(utf8));
        Assert.False(digest.TryFormat(new char[63], out _, default, CultureInfo.InvariantCulture));
        Assert.Throws<FormatException>(() => $"{digest:G}");
    }

    [Fact]
    public void CompareTo_RandomDigests_OrdersLikeTheText()
    {
        Random random = new(7);
        ContentDigest[] digests = new ContentDigest[500];
        byte[] bytes = new byte[ContentDigest.SizeInBytes];
        for (int i = 0; i < digests.Length; i++)
        {
            // Long common beginnings, so that every word decides at times.
            Array.Clear(bytes);
            random.NextBytes(bytes.AsSpan(random.Next(bytes.Length)));
            digests[i] = new ContentDigest(bytes);
        }

        string[] expected = [.. digests.Select(digest => digest.ToString()).Order(StringComparer.Ordinal)];
        Array.Sort(digests);
        Assert.Equal(expected, digests.Select(digest => digest.ToString()));
        Assert.True(digests[0] <= digests[1] && digests[1] >= digests[0] && !(digests[0] > digests[1]));
    }

    [Fact]
    public void Constructor_OtherLength_Throws()
    {
        Assert.Throws<ArgumentException>(() => new ContentDigest(new byte[31]));
        Assert.Throws<ArgumentException>(() => default(ContentDigest).CopyTo(new byte[31]));
    }
}
