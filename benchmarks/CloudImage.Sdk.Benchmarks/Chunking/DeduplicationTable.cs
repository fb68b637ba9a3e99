using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Chunking;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Benchmarks.Chunking;

/// <summary>
/// Cuts files by several rules and counts what a store would keep: for every pair of files NAME1.EXT and NAME2.EXT of a
/// directory, the first's chunks and then what the second adds.
/// </summary>
internal static class DeduplicationTable
{
    public static int Run(string directory)
    {
        List<(string First, string Second)> pairs =
        [
            .. Directory.GetFiles(directory)
                .Where(path => Path.GetFileNameWithoutExtension(path).EndsWith('1'))
                .Order(StringComparer.Ordinal)
                .Select(path => (path, Path.Combine(
                    directory, Path.GetFileNameWithoutExtension(path)[..^1] + "2" + Path.GetExtension(path))))
                .Where(pair => File.Exists(pair.Item2)),
        ];
        if (pairs.Count == 0)
        {
            Console.Error.WriteLine($"{directory} holds no files NAME1.EXT and NAME2.EXT.");
            return 2;
        }

        Console.WriteLine("| data | rule | chunks of 1 | stored of 1, MB | chunks added by 2 | stored added by 2, MB | both, MB | mean data chunk, KiB | zeros, MB |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach ((string first, string second) in pairs)
        {
            foreach ((string name, Chunker chunker) in Rules())
            {
                HashSet<ContentDigest> known = [];
                Tally one = Cut(first, chunker, known);
                Tally two = Cut(second, chunker, known);
                double mean = (one.DataBytes + two.DataBytes) / 1024.0 / (one.DataChunks + two.DataChunks);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {Path.GetFileName(first)} + {Path.GetFileName(second)} | {name} | {one.NewChunks} | {one.NewBytes / 1e6:F1} | {two.NewChunks} | {two.NewBytes / 1e6:F1} | {(one.NewBytes + two.NewBytes) / 1e6:F1} | {mean:F1} | {(one.ZeroBytes + two.ZeroBytes) / 1e6:F1} |"));
            }
        }

        return 0;
    }

    private static IEnumerable<(string Name, Chunker Chunker)> Rules()
    {
        foreach (int size in (int[])[64 * 1024, 256 * 1024])
        {
            string text = (size / 1024).ToString(CultureInfo.InvariantCulture) + " KiB";
            yield return ("fixed " + text, Chunker.Create(ChunkingOptions.CreateFixed(size)));
            yield return ("aligned " + text, new AlignedCdcChunker(size));
            yield return ("MinCDC " + text, Chunker.Create(ChunkingOptions.CreateMinCdc(size)));
        }
    }

    private static Tally Cut(string path, Chunker chunker, HashSet<ContentDigest> known)
    {
        chunker.Reset();
        byte[] buffer = new byte[Math.Max(4 * 1024 * 1024, 2 * chunker.WindowSize)];
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        Tally tally = new();
        int start = 0;
        int end = 0;
        bool isFinal = false;
        while (true)
        {
            if (chunker.TryCut(buffer.AsSpan(start, end - start), isFinal, out ChunkCut cut))
            {
                tally.Add(buffer.AsSpan(start, cut.Length), cut.IsZero, known);
                start += cut.Length;
                continue;
            }

            if (isFinal)
            {
                return tally;
            }

            buffer.AsSpan(start, end - start).CopyTo(buffer);
            end -= start;
            start = 0;
            int read = stream.ReadAtLeast(buffer.AsSpan(end), buffer.Length - end, throwOnEndOfStream: false);
            isFinal = read < buffer.Length - end;
            end += read;
        }
    }

    private sealed class Tally
    {
        public long NewChunks { get; private set; }

        public long NewBytes { get; private set; }

        public long DataChunks { get; private set; }

        public long DataBytes { get; private set; }

        public long ZeroBytes { get; private set; }

        public void Add(ReadOnlySpan<byte> chunk, bool isZero, HashSet<ContentDigest> known)
        {
            if (isZero)
            {
                ZeroBytes += chunk.Length;
                return;
            }

            DataChunks++;
            DataBytes += chunk.Length;
            if (known.Add(Blake3.HashData(chunk)))
            {
                NewChunks++;
                NewBytes += chunk.Length;
            }
        }
    }
}
