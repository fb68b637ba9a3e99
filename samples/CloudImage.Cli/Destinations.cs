using System;
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
}
