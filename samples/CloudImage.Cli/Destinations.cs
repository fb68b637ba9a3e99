using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Clouds;
using CloudImage.Cli.Output;
using CloudImage.Sdk;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.OpenStack.Glance;

namespace CloudImage.Cli;

/// <summary>Opens what the command line names as a destination: a file, a block device, an EBS snapshot, an image of a cloud, standard output.</summary>
internal static class Destinations
{
    public const string StandardOutput = "-";

    public static async ValueTask<DiskWriter> CreateAsync(string destination, long length, DiskCreateOptions options, WriteDurability durability, CancellationToken cancellationToken)
    {
        if (EbsSnapshots.IsAddress(destination))
        {
            return await EbsSnapshots.CreateAsync(destination, length, cancellationToken);
        }

        if (CloudDisks.IsAddress(destination))
        {
            return await CloudDisks.CreateAsync(destination, length, options, cancellationToken);
        }

        if (destination == StandardOutput)
        {
            return DiskImage.Create(Console.OpenStandardOutput(), length, options);
        }

        return DiskImage.Create(destination, length, options, durability);
    }

    /// <summary>What the new image is called: the destination, or the id that a service gave it.</summary>
    public static string NameOf(DiskWriter writer, string destination) => writer switch
    {
        EbsSnapshotWriter snapshot => snapshot.SnapshotId,
        GlanceImageWriter image => image.Image.Id,
        _ => destination,
    };

    /// <summary>Refuses a destination over a parent, for content that comes once: what is zero in it could not be told from what is unchanged.</summary>
    public static void ThrowIfIncrement(DiskWriter writer)
    {
        if (writer is EbsSnapshotWriter { Parent: not null })
        {
            throw new UsageException("An increment is not made from a pipe: name a file, or leave the parent away.");
        }
    }

    /// <summary>Writes a disk as a new image, and publishes it.</summary>
    /// <returns>What the new image is called.</returns>
    public static async Task<string> WriteAsync(
        VirtualDisk disk, string destination, DiskCreateOptions options, WriteDurability durability, int threads, string title, bool isQuiet, CancellationToken cancellationToken)
    {
        await using DiskWriter writer = await CreateAsync(destination, disk.Length, options, durability, cancellationToken);
        DiskCopyOptions copy = CopyOptions(disk, writer, threads);
        await ProgressDisplay.RunAsync(title, isQuiet, async progress =>
        {
            await DiskCopier.CopyAsync(disk, writer, copy, DiskProgressAdapter.For(progress), cancellationToken);
            await writer.CompleteAsync(cancellationToken);
        });
        return NameOf(writer, destination);
    }

    // Far from here, what is under way at once decides the speed, not the processors.
    private static DiskCopyOptions CopyOptions(VirtualDisk disk, DiskWriter writer, int threads) => new()
    {
        WorkerCount = threads > 0 ? threads : writer is EbsSnapshotWriter || disk is EbsSnapshotDisk ? EbsSnapshots.DefaultThreads / 2 : 0,
        Parent = (writer as EbsSnapshotWriter)?.Parent,
    };

    /// <summary>Refuses to mix an image and an answer in one stream.</summary>
    public static void ThrowIfShared(string destination, bool json)
    {
        if (json && destination == StandardOutput)
        {
            throw new UsageException("Standard output cannot take both the image and the JSON answer.");
        }
    }
}
