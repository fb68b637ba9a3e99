using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using CloudImage.Sdk.Chunking;
using CloudImage.Sdk.Hashing;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Benchmarks.Hashing;

/// <summary>Compares kernels in one process, alternating, so that a busy machine disturbs both sides alike.</summary>
internal static class KernelRatios
{
    private const int Mebibyte = 1024 * 1024;
    private const int ChunkSize = 256 * 1024;
    private const int Rounds = 9;

    private static double s_cyclesPerSecond;

    public static int Run(string[] args)
    {
        InstructionSet.RequireExpected();
        s_cyclesPerSecond = MeasureClock();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"instruction set {InstructionSet.Active}, clock {s_cyclesPerSecond / 1e9:F2} GHz"));
        Console.WriteLine();
        Console.WriteLine("| work | where the data is | GB/s | bytes/cycle | against | GB/s | ratio (median) | range |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        HashSet<string> wanted = [.. args];
        foreach (Comparison comparison in Comparisons())
        {
            if (wanted.Count == 0 || wanted.Any(word => comparison.Name.Contains(word, StringComparison.OrdinalIgnoreCase)))
            {
                Report(comparison);
            }
        }

        return 0;
    }

    private static IEnumerable<Comparison> Comparisons()
    {
        byte[] one = RandomData(Mebibyte);
        byte[] large = RandomData(256 * Mebibyte);
        byte[] eight = RandomData(8 * Mebibyte);
        byte[] zeros = new byte[Mebibyte];
        ContentDigest[] digests = new ContentDigest[one.Length / 1024];
        byte[] sha = new byte[32];
        byte[] shaBlocks = RandomData(16 * 512 * 1024);
        ContentDigest[] shaDigests = new ContentDigest[16];

        yield return new(
            "BLAKE3, 1 MiB", "L2", one.Length, () => Blake3.HashData(one), "SHA256.HashData", () => SHA256.HashData(one, sha));
        yield return new(
            "BLAKE3, 256 MiB", "memory", large.Length, () => Blake3.HashData(large), "1 MiB in L2", null, one.Length, () => Blake3.HashData(one));
        yield return new(
            "BLAKE3 HashMany 1 KiB", "L2", one.Length, () => Blake3.HashMany(one, 1024, digests), "one buffer", () => Blake3.HashData(one));
        yield return new(
            "BLAKE3 HashMany 4 KiB", "L2", one.Length, () => Blake3.HashMany(one, 4096, digests), "one buffer", () => Blake3.HashData(one));
        yield return new(
            "BLAKE3 HashMany 64 KiB", "L2", one.Length, () => Blake3.HashMany(one, 65536, digests), "one buffer", () => Blake3.HashData(one));
        yield return new(
            "BLAKE3 HashMany 256 KiB", "L2", one.Length, () => Blake3.HashMany(one, 262144, digests), "one buffer", () => Blake3.HashData(one));
        if (Blake3Engine.LastKernel == Blake3Kernel.Vector512Staggered)
        {
            yield return new(
                "BLAKE3 staggered, 1 MiB", "L2", one.Length, () => Blake3.HashData(one, Blake3Kernel.Vector512Staggered), "side by side", () => Blake3.HashData(one, Blake3Kernel.Vector512));
        }

        yield return new(
            "BLAKE3 Vector256, 1 MiB", "L2", one.Length, () => Blake3.HashData(one, Blake3Kernel.Vector256), "best kernel", () => Blake3.HashData(one));
        yield return new(
            "BLAKE3 Vector128, 1 MiB", "L2", one.Length, () => Blake3.HashData(one, Blake3Kernel.Vector128), "best kernel", () => Blake3.HashData(one));
        yield return new(
            "SHA-256 lanes, 16 x 512 KiB", "L3", shaBlocks.Length, () => Sha256Lanes.HashMany(shaBlocks, 512 * 1024, shaDigests), "SHA256.HashData", () => HashEach(shaBlocks, sha));
        yield return new(
            "MinCDC 64 KiB mean", "memory", large.Length, () => CutAll(large, 65536), "read and sum", () => VectorSum.Sum(large));
        yield return new(
            "MinCDC 64 KiB mean", "L2", one.Length, () => CutAll(one, 65536), "read and sum", () => VectorSum.Sum(one));
        yield return new(
            "zero scan, 1 MiB of zeros", "L2", zeros.Length, () => ZeroDetector.IsZero(zeros), "ContainsAnyExcept", () => zeros.AsSpan().ContainsAnyExcept((byte)0));
        yield return new(
            "zero scan, 4 KiB blocks", "L2", zeros.Length, () => ScanBlocks(zeros, 4096), "ContainsAnyExcept", () => ScanBlocksBaseline(zeros, 4096));
        yield return new(
            "ChangedBlocks, 256 KiB", "L2", 262144, () => ZeroDetector.ChangedBlocks(one.AsSpan(0, 262144), one.AsSpan(262144, 262144)), "itself", () => ZeroDetector.ChangedBlocks(one.AsSpan(0, 262144), one.AsSpan(262144, 262144)));
        yield return new(
            "CRC-32C, 64 KiB", "L2", 65536, () => Crc32C.HashToUInt32(one.AsSpan(0, 65536)), "BitOperations", () => Crc32CBaseline.HashToUInt32(one.AsSpan(0, 65536)));
        yield return new(
            "CRC-32C, 4 KiB", "L1", 4096, () => Crc32C.HashToUInt32(one.AsSpan(0, 4096)), "BitOperations", () => Crc32CBaseline.HashToUInt32(one.AsSpan(0, 4096)));
        GC.KeepAlive(eight);

        // A raw disk in the page cache, as a capture goes through it: read, zero scan, chunks of 256 KiB, digests.
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        File.WriteAllBytes(path, large);
        using SafeFileHandle disk = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.DeleteOnClose);
        byte[] window = new byte[Mebibyte];
        yield return new(
            "read, zero scan, 256 KiB chunks, BLAKE3", "page cache", large.Length, () => HashDisk(disk, window), "BLAKE3 of 256 KiB chunks in memory", () => HashChunks(large));
        yield return new(
            "read alone", "page cache", large.Length, () => ReadDisk(disk, window), "BLAKE3 of 256 KiB chunks in memory", () => HashChunks(large));
    }

    private static void ReadDisk(SafeFileHandle disk, byte[] window)
    {
        for (long offset = 0; RandomAccess.Read(disk, window, offset) is var count and > 0; offset += count)
        {
        }
    }

    private static void HashDisk(SafeFileHandle disk, byte[] window)
    {
        Span<ContentDigest> digests = stackalloc ContentDigest[Mebibyte / ChunkSize];
        for (long offset = 0; RandomAccess.Read(disk, window, offset) is var count and > 0; offset += count)
        {
            if (ScanBlocks(window, ChunkSize) == 0)
            {
                Blake3.HashMany(window, ChunkSize, digests);
            }
        }
    }

    private static void HashChunks(ReadOnlySpan<byte> data)
    {
        Span<ContentDigest> digests = stackalloc ContentDigest[Mebibyte / ChunkSize];
        for (; !data.IsEmpty; data = data[Mebibyte..])
        {
            Blake3.HashMany(data[..Mebibyte], ChunkSize, digests);
        }
    }

    private static void Report(Comparison comparison)
    {
        int repeats = Calibrate(comparison.Work);
        int againstRepeats = Calibrate(comparison.Against);
        double[] ours = new double[Rounds];
        double[] theirs = new double[Rounds];
        for (int i = 0; i < Rounds; i++)
        {
            ours[i] = comparison.Bytes * (double)repeats / Time(comparison.Work, repeats);
            theirs[i] = comparison.AgainstBytes * (double)againstRepeats / Time(comparison.Against, againstRepeats);
        }

        double[] ratios = [.. ours.Zip(theirs, (left, right) => left / right).Order()];
        Array.Sort(ours);
        Array.Sort(theirs);
        double median = ours[Rounds / 2];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {comparison.Name} | {comparison.Residence} | {median / 1e9:F2} | {median / s_cyclesPerSecond:F2} | {comparison.AgainstName} | {theirs[Rounds / 2] / 1e9:F2} | {ratios[Rounds / 2]:F2} | {ratios[0]:F2} to {ratios[^1]:F2} |"));
    }

    // About 40 ms for a timing, after 100 ms of warming up, which also lets the JIT reach its last tier.
    private static int Calibrate(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        int count = 0;
        do
        {
            work();
            count++;
        }
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < 0.25 || count < 60 && Stopwatch.GetElapsedTime(start).TotalSeconds < 1);

        return (int)Math.Clamp(0.04 / (Time(work, 5) / 5), 1, 1_000_000);
    }

    private static double Time(Action work, int repeats)
    {
        double start = ThreadClock.Seconds;
        for (int i = 0; i < repeats; i++)
        {
            work();
        }

        return ThreadClock.Seconds - start;
    }

    // A chain of dependent steps of two cycles each (a shift or an add waits for the exclusive or before it) gives the
    // clock, whatever the processor claims. The middle of the rounds: the host may hold the machine up at any time.
    private static double MeasureClock()
    {
        double[] clocks = new double[31];
        for (int round = 0; round < clocks.Length; round++)
        {
            const int Steps = 500_000;
            double start = ThreadClock.Seconds;
            ulong value = Chain((ulong)round, Steps);
            clocks[round] = 2.0 * 4 * Steps / (ThreadClock.Seconds - start);
            GC.KeepAlive(value);
        }

        Array.Sort(clocks);
        return clocks[clocks.Length / 2];
    }

    private static ulong Chain(ulong value, int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            value = (value ^ (ulong)i) + value;
            value = (value ^ (ulong)i) + value;
            value = (value ^ (ulong)i) + value;
            value = (value ^ (ulong)i) + value;
        }

        return value;
    }

    private static void HashEach(byte[] data, byte[] digest)
    {
        for (int offset = 0; offset < data.Length; offset += 512 * 1024)
        {
            SHA256.HashData(data.AsSpan(offset, 512 * 1024), digest);
        }
    }

    private static int CutAll(ReadOnlySpan<byte> data, int meanSize)
    {
        MinCdcChunker chunker = new(ChunkingOptions.CreateMinCdc(meanSize));
        int count = 0;
        while (chunker.TryCut(data, isFinal: true, out ChunkCut cut))
        {
            data = data[cut.Length..];
            count++;
        }

        return count;
    }

    private static int ScanBlocks(ReadOnlySpan<byte> data, int blockSize)
    {
        int zeros = 0;
        for (int offset = 0; offset < data.Length; offset += blockSize)
        {
            zeros += ZeroDetector.IsZero(data.Slice(offset, blockSize)) ? 1 : 0;
        }

        return zeros;
    }

    private static int ScanBlocksBaseline(ReadOnlySpan<byte> data, int blockSize)
    {
        int zeros = 0;
        for (int offset = 0; offset < data.Length; offset += blockSize)
        {
            zeros += data.Slice(offset, blockSize).ContainsAnyExcept((byte)0) ? 0 : 1;
        }

        return zeros;
    }

    private static byte[] RandomData(int length)
    {
        byte[] data = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        new Random(1).NextBytes(data);
        return data;
    }

    private sealed record Comparison(
        string Name, string Residence, long Bytes, Action Work, string AgainstName, long AgainstBytes, Action Against)
    {
        public Comparison(string name, string residence, long bytes, Action work, string againstName, Action against)
            : this(name, residence, bytes, work, againstName, bytes, against)
        {
        }

        public Comparison(
            string name, string residence, long bytes, Action work, string againstName, object? _, long againstBytes, Action against)
            : this(name, residence, bytes, work, againstName, againstBytes, against)
        {
        }
    }
}
