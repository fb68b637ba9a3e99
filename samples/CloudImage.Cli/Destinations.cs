using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Cli;

/// <summary>Opens what the command line names as a destination: a file, a block device, standard output.</summary>
internal static class Destinations
{
    public const string StandardOutput = "-";

    public static DiskWriter Create(string destination, long length, DiskCreateOptions options, WriteDurability durability)
    {
        if (destination == StandardOutput)
        {
            return DiskImage.Create(Console.OpenStandardOutput(), length, options);
        }

        return DiskImage.Create(destination, length, options, durability);
    }

    /// <summary>Writes a disk as a new image, and publishes it.</summary>
    public static async Task WriteAsync(
        VirtualDisk disk, string destination, DiskCreateOptions options, WriteDurability durability, int threads, string title, bool isQuiet, CancellationToken cancellationToken)
    {
        await using DiskWriter writer = Create(destination, disk.Length, options, durability);
        await ProgressDisplay.RunAsync(title, isQuiet, async progress =>
        {
            await DiskCopier.CopyAsync(disk, writer, new DiskCopyOptions { WorkerCount = threads }, DiskProgressAdapter.For(progress), cancellationToken);
            await writer.CompleteAsync(cancellationToken);
        });
    }

    /// <summary>Refuses to mix an image and an answer in one stream.</summary>
    public static void ThrowIfShared(string destination, bool json)
    {
        if (json && destination == StandardOutput)
        {
            throw new UsageException("Standard output cannot take both the image and the JSON answer.");
        }
    }
}
