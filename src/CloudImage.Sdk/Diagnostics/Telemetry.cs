using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CloudImage.Sdk.Diagnostics;

/// <summary>The meter and the activity source of the core, both named "CloudImage.Sdk".</summary>
internal static class Telemetry
{
    public const string Name = "CloudImage.Sdk";

    private static readonly Meter s_meter = new(Name);

    public static ActivitySource Activities { get; } = new(Name);

    /// <summary>Bytes read from disks by captures.</summary>
    public static Counter<long> CaptureReadBytes { get; } = s_meter.CreateCounter<long>("cloudimage.capture.read", "By", "Bytes read from disks by captures.");

    /// <summary>Bytes stored by captures.</summary>
    public static Counter<long> CaptureStoredBytes { get; } = s_meter.CreateCounter<long>("cloudimage.capture.stored", "By", "Bytes added to repositories by captures.");

    /// <summary>Duration of captures.</summary>
    public static Histogram<double> CaptureDuration { get; } = s_meter.CreateHistogram<double>("cloudimage.capture.duration", "s", "Duration of captures that committed.");

    /// <summary>Chunks that snapshot disks took from their cache.</summary>
    public static Counter<long> ChunkCacheHits { get; } = s_meter.CreateCounter<long>("cloudimage.snapshot_disk.cache.hits", "{chunk}", "Chunks that snapshot disks found in their cache.");

    /// <summary>Chunks that snapshot disks fetched.</summary>
    public static Counter<long> ChunkFetches { get; } = s_meter.CreateCounter<long>("cloudimage.snapshot_disk.fetches", "{chunk}", "Chunks that snapshot disks fetched from the store.");

    /// <summary>Problems that verification found.</summary>
    public static Counter<long> VerificationProblems { get; } = s_meter.CreateCounter<long>("cloudimage.verify.problems", "{problem}", "Problems that verification found.");
}
