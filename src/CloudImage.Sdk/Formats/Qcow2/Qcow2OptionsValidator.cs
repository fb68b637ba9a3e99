using System;
using System.Numerics;
using CloudImage.Sdk.Disks;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Holds the options against each other and against the length of the disk.</summary>
internal static class Qcow2OptionsValidator
{
    public static void Validate(Qcow2Options options)
    {
        Require(BitOperations.IsPow2(options.ClusterSize) && options.ClusterSize is >= 1 << MinClusterBits and <= 1 << MaxClusterBits, $"A cluster size of {options.ClusterSize} bytes is no power of two from 512 to 2097152.");
        Require(options.Version is 2 or 3, $"Version {options.Version} is not 2 or 3.");
        Require(BitOperations.IsPow2(options.RefcountBits) && options.RefcountBits is >= 1 and <= 64, $"Reference counts of {options.RefcountBits} bits are no power of two from 1 to 64.");
        Require(options.DeclaredCompression != Qcow2Compression.None, "The declared compression is zlib or zstd.");
        Require(options.Version == 3 || (options.RefcountBits == 16 && !options.ExtendedL2 && !options.LazyRefcounts && options.DataFile is null && TypeOf(options) == Qcow2Compression.Zlib),
            "Version 2 has neither zstd, extended L2 entries, lazy refcounts, a data file nor reference counts of other than 16 bits: use version 3 (compat 1.1).");
        Require(!options.ExtendedL2 || options.ClusterSize >= 1 << MinExtendedClusterBits, $"Extended L2 entries need clusters of at least {1 << MinExtendedClusterBits} bytes.");
        Require(!options.IsDataFileRaw || options.DataFile is not null, "A raw data file needs the name of the data file.");
        Require(options.DataFile is null || options.Compression == Qcow2Compression.None, "An external data file cannot be compressed.");
        Require(options.Parent is null || options.Parent.FormatName is not null, "The format of the parent must be declared: it is never guessed.");
        Require(options.Parent is null || (options.Preallocation == Qcow2Preallocation.Off && !options.IsDataFileRaw), "Neither preallocation nor a raw data file go together with a parent.");
        Require(options.Preallocation == Qcow2Preallocation.Off || options.Compression == Qcow2Compression.None, "Preallocation and compression exclude one another.");
        Require(options.CompressionLevel is not { } level || (options.Compression == Qcow2Compression.Zstd ? level is >= 1 and <= 22 : level is >= 0 and <= 9), $"The compression level {options.CompressionLevel} is not 0 to 9 for zlib, or 1 to 22 for zstd.");
        Require(options.ParentContent is null || options.Parent is not null, "The content of a parent needs the reference to it.");
    }

    /// <summary>The compression that the header declares.</summary>
    public static Qcow2Compression TypeOf(Qcow2Options options) =>
        options.Compression == Qcow2Compression.None ? options.DeclaredCompression : options.Compression;

    /// <summary>Whether every part of the disk gets a cluster beforehand.</summary>
    public static bool MapsEverything(Qcow2Options options) =>
        options.Preallocation == Qcow2Preallocation.Metadata || options.IsDataFileRaw;

    private static void Require(bool isTrue, string message)
    {
        if (!isTrue)
        {
            throw new ArgumentException(message);
        }
    }
}
