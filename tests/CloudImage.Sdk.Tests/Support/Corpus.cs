using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text.Json;
using System.Threading;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>Real images by other producers, in a folder beside the repository (or named by CLOUDIMAGE_CORPUS). Never copied into it.</summary>
public static class Corpus
{
    private static readonly Lock s_lock = new();
    private static readonly string? s_folder = Find();
    private static readonly string s_expanded = Path.Combine(Path.GetTempPath(), "cloudimage-corpus");

    /// <summary>Whether the corpus is there.</summary>
    public static bool IsPresent => s_folder is not null;

    /// <summary>Every file that corpus.json lists; none where the corpus is absent.</summary>
    public static IReadOnlyList<CorpusEntry> Entries { get; } = s_folder is null
        ? []
        : JsonSerializer.Deserialize<CorpusEntry[]>(File.ReadAllText(Path.Combine(s_folder, "corpus.json")))!;

    /// <summary>Path of an expanded file, or skips the calling test (fails it where everything is required).</summary>
    /// <param name="name">The name, with or without .gz.</param>
    public static string Require(string name)
    {
        string packed = name.EndsWith(".gz", StringComparison.Ordinal) ? name : name + ".gz";
        if (s_folder is null || !File.Exists(Path.Combine(s_folder, packed)))
        {
            ExternalTool.SkipOrFail($"The corpus file {packed} is not there: put the corpus into ../shared/corpus beside the repository, or name its folder in CLOUDIMAGE_CORPUS.");
        }

        string path = Path.Combine(s_expanded, packed[..^3]);
        lock (s_lock)
        {
            if (!File.Exists(path))
            {
                Expand(Path.Combine(s_folder!, packed), path);
            }
        }

        return path;
    }

    /// <summary>What corpus.json says of a file.</summary>
    public static CorpusEntry Entry(string name) =>
        Entries.First(entry => entry.File == name || entry.File == name + ".gz");

    // Other test processes may do the same at the same time: each writes its own file and renames it.
    private static void Expand(string packed, string path)
    {
        Directory.CreateDirectory(s_expanded);
        string temporary = $"{path}.{Environment.ProcessId}";
        using (FileStream source = File.OpenRead(packed))
        using (GZipStream content = new(source, CompressionMode.Decompress))
        using (FileStream destination = File.Create(temporary))
        {
            CopySparse(content, destination);
        }

        File.Move(temporary, path, true);
    }

    private static void CopySparse(Stream source, FileStream destination)
    {
        byte[] buffer = new byte[1 << 16];
        int count;
        while ((count = source.ReadAtLeast(buffer, buffer.Length, false)) > 0)
        {
            if (buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
            {
                destination.Write(buffer, 0, count);
            }
            else
            {
                destination.Position += count;
            }
        }

        destination.SetLength(destination.Position);
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("CLOUDIMAGE_CORPUS") is { Length: > 0 } named)
        {
            return named;
        }

        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string candidate = Path.Combine(folder, "shared", "corpus");
            if (File.Exists(Path.Combine(candidate, "corpus.json")))
            {
                return candidate;
            }
        }

        return null;
    }
}
