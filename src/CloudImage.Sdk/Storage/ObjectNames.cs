using System;
using System.Buffers;

namespace CloudImage.Sdk.Storage;

/// <summary>The rule for names of objects, the same for every store.</summary>
/// <remarks>
/// Segments joined by '/', of the characters that every store and file system takes as they are. A segment begins with
/// no '.' (the directory store keeps its own files there) and ends with none (Windows drops it).
/// </remarks>
internal static class ObjectNames
{
    internal const int MaximumLength = 512;
    internal const int MaximumSegmentLength = 200;

    private static readonly SearchValues<char> s_allowed =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.%+=@~,");

    internal static void Validate(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        string? reason = FindFault(name, isPrefix: false);
        if (reason is not null)
        {
            throw new ArgumentException($"'{name}' cannot name an object: {reason}", nameof(name));
        }
    }

    /// <summary>A prefix is a name cut short anywhere, the empty one included.</summary>
    internal static void ValidatePrefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        string? reason = prefix.Length == 0 ? null : FindFault(prefix, isPrefix: true);
        if (reason is not null)
        {
            throw new ArgumentException($"'{prefix}' cannot begin the name of an object: {reason}", nameof(prefix));
        }
    }

    internal static bool IsValid(string name) => name.Length > 0 && FindFault(name, isPrefix: false) is null;

    private static string? FindFault(ReadOnlySpan<char> name, bool isPrefix)
    {
        if (name.Length > MaximumLength)
        {
            return $"it is longer than {MaximumLength} characters.";
        }

        while (true)
        {
            int end = name.IndexOf('/');
            bool isLast = end < 0;
            ReadOnlySpan<char> segment = isLast ? name : name[..end];
            string? reason = FindSegmentFault(segment, isPrefix && isLast);
            if (reason is not null || isLast)
            {
                return reason;
            }

            name = name[(end + 1)..];
        }
    }

    private static string? FindSegmentFault(ReadOnlySpan<char> segment, bool mayBeCutShort)
    {
        if (segment.IsEmpty)
        {
            return mayBeCutShort ? null : "a segment is empty.";
        }

        if (segment.Length > MaximumSegmentLength)
        {
            return $"a segment is longer than {MaximumSegmentLength} characters.";
        }

        int index = segment.IndexOfAnyExcept(s_allowed);
        if (index >= 0)
        {
            return $"character U+{(int)segment[index]:X4} is not one of letters, digits and - _ . % + = @ ~ , of ASCII.";
        }

        if (segment[0] == '.')
        {
            return "a segment begins with a dot.";
        }

        return segment[^1] == '.' && !mayBeCutShort ? "a segment ends with a dot." : null;
    }
}
