using System;
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
        ImageSink sink = destination == StandardOutput
            ? new StreamImageSink(Console.OpenStandardOutput(), leaveOpen: false)
            : FileImageSink.Create(destination, durability);
        return options.Format.Create(sink, length, options);
    }
}
