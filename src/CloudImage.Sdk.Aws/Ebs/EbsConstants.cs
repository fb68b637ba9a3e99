using System;
using System.Buffers;
using System.Globalization;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Numbers and names of the EBS direct protocol, version 2019-11-02.</summary>
internal static class EbsConstants
{
    private static readonly SearchValues<char> s_idCharacters = SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public const string ServiceName = "ebs";

    public const int BlockSize = 512 * 1024;

    public const int BlocksPerGiB = 2048;

    /// <summary>The largest volume: 64 TiB.</summary>
    public const int MaxVolumeSizeInGiB = 65_536;

    public const int MinPageLength = 100;

    public const int MaxPageLength = 10_000;

    /// <summary>How many pages without blocks are followed: the service sends some, an endless row of them is none of its lists.</summary>
    public const int MaxEmptyPages = 1000;

    /// <summary>The longest token that the service's model allows; what is longer is no token.</summary>
    public const int MaxTokenLength = 256;

    public const int MaxClientTokenLength = 64;

    public const string Sha256 = "SHA256";

    /// <summary>The name of the digest over the digests of all blocks in order.</summary>
    public const string Linear = "LINEAR";

    /// <summary>Whether a text is a snapshot's id, as it may stand in a path.</summary>
    public static bool IsSnapshotId(string id) =>
        id.Length is > 5 and <= 64 && id.StartsWith("snap-", StringComparison.Ordinal) && !id.AsSpan(5).ContainsAnyExcept(s_idCharacters);

    public static void ThrowIfNoSnapshotId(string id, string parameterName)
    {
        ArgumentException.ThrowIfNullOrEmpty(id, parameterName);
        if (!IsSnapshotId(id))
        {
            throw new ArgumentException($"'{id}' is no id of a snapshot: snap- and letters and digits were expected.", parameterName);
        }
    }

    public static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
