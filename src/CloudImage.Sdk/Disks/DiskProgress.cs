using System;

namespace CloudImage.Sdk.Disks;

/// <summary>How far a copy or a comparison has come.</summary>
public readonly struct DiskProgress : IEquatable<DiskProgress>
{
    /// <summary>Makes a report.</summary>
    /// <param name="bytesDone">Bytes of content dealt with so far.</param>
    /// <param name="bytesTotal">Bytes of content in all; ranges known to be zero are not among them.</param>
    /// <param name="elapsed">Time since the start.</param>
    public DiskProgress(long bytesDone, long bytesTotal, TimeSpan elapsed)
    {
        BytesDone = bytesDone;
        BytesTotal = bytesTotal;
        Elapsed = elapsed;
    }

    /// <summary>Bytes of content dealt with so far.</summary>
    public long BytesDone { get; }

    /// <summary>Bytes of content in all; ranges known to be zero are not among them.</summary>
    public long BytesTotal { get; }

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>Share of the work that is done, from 0 to 1.</summary>
    public double Fraction => BytesTotal == 0 ? 1 : Math.Min(1, (double)BytesDone / BytesTotal);

    /// <summary>Mean rate since the start, in bytes a second.</summary>
    public double BytesPerSecond => Elapsed > TimeSpan.Zero ? BytesDone / Elapsed.TotalSeconds : 0;

    /// <summary>Time that the rest takes at the mean rate; null while there is no rate.</summary>
    public TimeSpan? Remaining => BytesPerSecond > 0 ? TimeSpan.FromSeconds(Math.Max(0, BytesTotal - BytesDone) / BytesPerSecond) : null;

    /// <summary>Whether two reports are equal.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether they agree.</returns>
    public static bool operator ==(DiskProgress left, DiskProgress right) => left.Equals(right);

    /// <summary>Whether two reports differ.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether they differ.</returns>
    public static bool operator !=(DiskProgress left, DiskProgress right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(DiskProgress other) => BytesDone == other.BytesDone && BytesTotal == other.BytesTotal && Elapsed == other.Elapsed;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is DiskProgress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(BytesDone, BytesTotal, Elapsed);

    /// <inheritdoc/>
    public override string ToString() => $"{BytesDone} of {BytesTotal} bytes in {Elapsed}";
}
