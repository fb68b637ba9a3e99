using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Formats;

/// <summary>Names of files as Windows programs write them into images.</summary>
internal static class WindowsFileName
{
    /// <summary>The names of a parent in the order in which they are tried, then each one's last part by itself.</summary>
    /// <remarks>
    /// Most resolvers open plain names only, and a disk that was moved together with its parent lies beside it; the
    /// linkage id says whether the file is the one that is meant.
    /// </remarks>
    public static List<string> WithPlainNames(IEnumerable<string> names)
    {
        List<string> all = [];
        List<string> plain = [];
        foreach (string name in names)
        {
            if (name.Length > 0 && !all.Contains(name))
            {
                all.Add(name);
                plain.Add(PlainName(name));
            }
        }

        foreach (string name in plain)
        {
            if (name.Length > 0 && !all.Contains(name))
            {
                all.Add(name);
            }
        }

        return all;
    }

    /// <summary>The last part of a path, whichever separators it uses.</summary>
    public static string PlainName(string path) => path[(path.AsSpan().LastIndexOfAny('/', '\\') + 1)..];
}
