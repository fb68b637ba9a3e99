using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>Opens and reads seeded mutations of valid images: each one must succeed, or fail with a <see cref="CloudImageException"/> that gives a reason, in bounded time and memory.</summary>
/// <remarks>CLOUDIMAGE_MUTATIONS sets how many are made for each format; a failure names the seed and number that make it again.</remarks>
public static class MutationSuite
{
    private const long MaxAllocated = 96L << 20;
    private const int MaxExtents = 20_000;
    private static readonly TimeSpan s_maxTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_hangTime = TimeSpan.FromSeconds(60);

    private static readonly DiskReadLimits s_limits = new() { MaxMetadataMemory = 32L << 20, MaxListEntries = 4096 };

    /// <summary>How many mutations to make: CLOUDIMAGE_MUTATIONS, or a number that fits a build.</summary>
    public static int Count(int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable("CLOUDIMAGE_MUTATIONS"), NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : standard;

    /// <summary>Runs the suite.</summary>
    /// <param name="format">The format whose reader is tried.</param>
    /// <param name="seedImages">Valid images, best small ones, of as many variants as there are.</param>
    /// <param name="count">How many mutations, spread over the images.</param>
    /// <param name="seed">Makes the run repeatable.</param>
    public static void Run(DiskFormat format, IReadOnlyList<byte[]> seedImages, int count, int seed)
    {
        int[] current = [-1];
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                for (int number = 0; number < count; number++)
                {
                    Volatile.Write(ref current[0], number);
                    RunOne(format, seedImages, seed, number);
                }
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        int last = -1;
        while (!thread.Join(s_hangTime))
        {
            int now = Volatile.Read(ref current[0]);
            Assert.True(now != last, $"Mutation {now} of seed {seed} hangs.");
            last = now;
        }

        Assert.True(failure is null, $"{failure}");
    }

    /// <summary>Makes one mutation again.</summary>
    public static byte[] Mutate(IReadOnlyList<byte[]> seedImages, int seed, int number)
    {
        Random random = new(HashCodeOf(seed, number));
        byte[] image = [.. seedImages[number % seedImages.Count]];
        int[] interesting = MetadataPlaces(image);
        for (int change = 1 + random.Next(4); change > 0; change--)
        {
            image = MutateOnce(image, interesting, random);
        }

        return image;
    }

    private static void RunOne(DiskFormat format, IReadOnlyList<byte[]> seedImages, int seed, int number)
    {
        byte[] image = Mutate(seedImages, seed, number);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        string what = $"Mutation {number} of seed {seed} ({format.Name})";
        try
        {
            Use(format, image);
        }
        catch (CloudImageException exception)
        {
            Assert.False(string.IsNullOrWhiteSpace(exception.Message), what + " gave no reason.");
            Assert.True(
                exception is not DiskFormatException located || exception.GetType() != typeof(DiskFormatException) || located.Offset is not null,
                $"{what} gave no offset: {exception}");
        }
        catch (Exception exception)
        {
            Assert.Fail($"{what} threw {exception}");
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.True(allocated < MaxAllocated, $"{what} allocated {allocated} bytes.");
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        Assert.True(time < s_maxTime, $"{what} took {time}.");
    }

    private static void Use(DiskFormat format, byte[] image)
    {
        DiskOpenOptions options = new() { Format = format, Limits = s_limits };
        using (MemoryDisk container = new(image))
        {
            // What inspection finds it reports; it throws for nothing that is in a file.
            DiskImage.Inspect(container, options);
        }

        if (format.CanCheck)
        {
            using MemoryDisk container = new(image);
            try
            {
                format.Check(container, options);
            }
            catch (DiskFormatException)
            {
                // The header is beyond checking: opening says so too, below.
            }
        }

        using VirtualDisk disk = format.Open(new MemoryDisk(image), options);
        byte[] buffer = new byte[65536];
        long step = Math.Max(1, disk.Length / 16);
        for (long offset = 0, reads = 0; offset < disk.Length && reads < 20; offset += step, reads++)
        {
            disk.Read(buffer, offset);
        }

        disk.Read(buffer, Math.Max(0, disk.Length - buffer.Length));
        int dataReads = 0;
        foreach (DiskExtent extent in disk.GetExtents(0, disk.Length).Take(MaxExtents))
        {
            if (extent.Kind == DiskExtentKind.Data && dataReads++ < 64)
            {
                disk.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.Length)), extent.Offset);
            }
        }
    }

    private static byte[] MutateOnce(byte[] image, int[] interesting, Random random)
    {
        if (image.Length == 0)
        {
            return [(byte)random.Next(256)];
        }

        // Most of the time where something is written, and there mostly in the first of it: that is where the tables are.
        int place = random.Next(8) == 0 || interesting.Length == 0
            ? random.Next(image.Length)
            : Math.Min(image.Length - 1, interesting[random.Next(random.Next(2) == 0 ? interesting.Length : Math.Min(interesting.Length, 8))] + random.Next(512));
        switch (random.Next(10))
        {
            case 0:
                image[place] ^= (byte)(1 << random.Next(8));
                return image;
            case 1:
                image[place] = (byte)random.Next(256);
                return image;
            case 2:
                image.AsSpan(place, Math.Min(image.Length - place, 1 << random.Next(14))).Clear();
                return image;
            case 3:
                image.AsSpan(place, Math.Min(image.Length - place, 1 << random.Next(10))).Fill(0xff);
                return image;
            case 4:
                return image[..random.Next(image.Length)];
            case 5:
                int from = random.Next(image.Length);
                int length = Math.Min(1 << random.Next(13), image.Length - Math.Max(from, place));
                image.AsSpan(from, length).CopyTo(image.AsSpan(place));
                return image;
            default:
                WriteNumber(image, place & ~(random.Next(4) == 0 ? 0 : 3), random);
                return image;
        }
    }

    private static void WriteNumber(byte[] image, int place, Random random)
    {
        ulong value = random.Next(8) switch
        {
            0 => 0,
            1 => ulong.MaxValue,
            2 => 1UL << random.Next(64),
            3 => (1UL << random.Next(64)) - 1,
            4 => (ulong)random.Next(256),
            5 => (ulong)random.Next(image.Length + 65536),
            6 => (ulong)random.Next(image.Length + 1) / 512 * 512,
            _ => (ulong)random.NextInt64(),
        };
        int size = 2 << random.Next(3);
        byte[] bytes = new byte[8];
        if (random.Next(2) == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, size == 8 ? value : value << (64 - (8 * size)));
        }

        bytes.AsSpan(0, Math.Min(size, image.Length - place)).CopyTo(image.AsSpan(place));
    }

    // Starts of the 512-byte sectors that are not zero.
    private static int[] MetadataPlaces(byte[] image)
    {
        List<int> places = [];
        for (int place = 0; place < image.Length; place += 512)
        {
            if (image.AsSpan(place, Math.Min(512, image.Length - place)).ContainsAnyExcept((byte)0))
            {
                places.Add(place);
            }
        }

        return [.. places];
    }

    private static int HashCodeOf(int seed, int number) => unchecked((seed * 486187739) + (number * 16777619));
}
