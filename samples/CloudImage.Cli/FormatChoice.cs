using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli;

/// <summary>Formats by the names and options that the command line takes.</summary>
internal static class FormatChoice
{
    /// <summary>The format that a name means.</summary>
    public static DiskFormat Named(string name) =>
        DiskFormatRegistry.Default.Find(name)
        ?? throw new UsageException($"There is no format '{name}'. Formats are {string.Join(", ", DiskFormatRegistry.Default.Formats.Select(static format => format.Name))}.");

    /// <summary>The format to write: the named one, or what the destination's extension says.</summary>
    public static DiskFormat ForDestination(string? name, string destination)
    {
        if (EbsSnapshots.IsAddress(destination))
        {
            return name is null or "raw" ? RawFormat.Instance : throw new UsageException($"An EBS snapshot holds a plain disk: --to {name} does not go with it.");
        }

        if (name is not null)
        {
            return Named(name);
        }

        // What an address says behind its question mark is no part of the name.
        int query = ObjectStoreAddress.IsAddress(destination) ? destination.IndexOf('?', StringComparison.Ordinal) : -1;
        string extension = Path.GetExtension(query < 0 ? destination : destination[..query]);
        return DiskFormatRegistry.Default.Formats.FirstOrDefault(format => format.CanCreate && format.FileExtensions.Contains(extension, StringComparer.OrdinalIgnoreCase))
            ?? throw new UsageException($"The extension of '{destination}' names no format; say --to FORMAT.");
    }

    /// <summary>Creation options from KEY=VALUE pairs and the choice of compression.</summary>
    public static DiskCreateOptions Options(DiskFormat format, IEnumerable<string> pairs, string? compression)
    {
        Dictionary<string, string> settings = new(StringComparer.Ordinal);
        foreach (string pair in pairs.SelectMany(static text => text.Split(',')))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new UsageException($"'{pair}' is no option; write KEY=VALUE.");
            }

            settings[pair[..equals]] = pair[(equals + 1)..];
        }

        if (compression is not null and not "none")
        {
            settings["compression"] = compression;
        }

        return format.ParseOptions(settings);
    }
}
