using System;
using System.Collections.Generic;
using System.Globalization;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Reads options by the names that qemu-img gives them, and "compression" and "compression_level" of our own.</summary>
internal static class Qcow2OptionsParser
{
    private const string Known = "compat, cluster_size, backing_file, backing_fmt, compression_type, refcount_bits, extended_l2, lazy_refcounts, data_file, data_file_raw, preallocation, compression, compression_level";

    public static Qcow2Options Parse(IReadOnlyDictionary<string, string> settings)
    {
        foreach (string name in settings.Keys)
        {
            if (Array.IndexOf(Known.Split(", "), name) < 0)
            {
                throw new ArgumentException($"The format qcow2 has no option '{name}'; it has {Known}.", nameof(settings));
            }
        }

        int version = Choose(settings, "compat", 3, ("0.10", 2), ("v2", 2), ("1.1", 3), ("v3", 3));
        Qcow2Compression type = Choose(settings, "compression_type", Qcow2Compression.Zlib, ("zlib", Qcow2Compression.Zlib), ("zstd", Qcow2Compression.Zstd));
        Qcow2Options options = new()
        {
            Version = version,
            ClusterSize = ParseSize(settings, "cluster_size", 65536),
            Parent = ParseParent(settings),
            DeclaredCompression = type,
            Compression = Choose(settings, "compression", Qcow2Compression.None, ("none", Qcow2Compression.None), ("zlib", Qcow2Compression.Zlib), ("zstd", Qcow2Compression.Zstd)),
            CompressionLevel = settings.ContainsKey("compression_level") ? ParseNumber(settings, "compression_level", 0) : null,
            RefcountBits = ParseNumber(settings, "refcount_bits", 16),
            ExtendedL2 = ParseSwitch(settings, "extended_l2"),
            LazyRefcounts = ParseSwitch(settings, "lazy_refcounts"),
            DataFile = settings.GetValueOrDefault("data_file"),
            IsDataFileRaw = ParseSwitch(settings, "data_file_raw"),
            Preallocation = Choose(settings, "preallocation", Qcow2Preallocation.Off, ("off", Qcow2Preallocation.Off), ("metadata", Qcow2Preallocation.Metadata)),
        };
        Qcow2OptionsValidator.Validate(options);
        return options;
    }

    private static DiskReference? ParseParent(IReadOnlyDictionary<string, string> settings)
    {
        settings.TryGetValue("backing_fmt", out string? format);
        if (!settings.TryGetValue("backing_file", out string? name) || name.Length == 0)
        {
            return format is null ? null : throw new ArgumentException("The option 'backing_fmt' needs 'backing_file'.", nameof(settings));
        }

        return format is null
            ? throw new ArgumentException("The option 'backing_file' needs 'backing_fmt': the format of a backing file is never guessed.", nameof(settings))
            : new DiskReference(DiskReferenceKind.Parent, name) { FormatName = format };
    }

    private static T Choose<T>(IReadOnlyDictionary<string, string> settings, string name, T defaultValue, params ReadOnlySpan<(string Text, T Value)> values)
    {
        if (!settings.TryGetValue(name, out string? text))
        {
            return defaultValue;
        }

        List<string> known = [];
        foreach ((string candidate, T value) in values)
        {
            if (candidate == text)
            {
                return value;
            }

            known.Add(candidate);
        }

        throw new ArgumentException($"'{text}' is no value of the option '{name}'; it has {string.Join(", ", known)}.", nameof(settings));
    }

    private static bool ParseSwitch(IReadOnlyDictionary<string, string> settings, string name) =>
        Choose(settings, name, false, ("on", true), ("off", false), ("yes", true), ("no", false), ("true", true), ("false", false));

    private static int ParseNumber(IReadOnlyDictionary<string, string> settings, string name, int defaultValue) =>
        !settings.TryGetValue(name, out string? text) ? defaultValue
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value
        : throw new ArgumentException($"'{text}' is no number, which the option '{name}' takes.", nameof(settings));

    private static int ParseSize(IReadOnlyDictionary<string, string> settings, string name, int defaultValue) =>
        !settings.TryGetValue(name, out string? text) ? defaultValue
        : SizeText.TryParse(text, out int size) ? size
        : throw new ArgumentException($"'{text}' is no size, which the option '{name}' takes: a number of bytes, or one followed by k, M or G.", nameof(settings));
}
