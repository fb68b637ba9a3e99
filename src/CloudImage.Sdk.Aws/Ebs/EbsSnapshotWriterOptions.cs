using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>What a new snapshot is like, and how it is written. Immutable.</summary>
public sealed class EbsSnapshotWriterOptions
{
    /// <summary>The defaults: a full snapshot, waited for until it can be read.</summary>
    public static EbsSnapshotWriterOptions Default { get; } = new();

    /// <summary>Id of the completed snapshot that shows through where nothing is written: the new one is an increment of it.</summary>
    /// <value>The default value is <see langword="null"/>: a full snapshot. Not together with <see cref="Encrypted"/>: an increment is encrypted as its parent is.</value>
    public string? ParentSnapshotId { get; init; }

    /// <summary>What the snapshot is for.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? Description { get; init; }

    /// <summary>Tags of the snapshot.</summary>
    /// <value>The default value has none.</value>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Whether the service encrypts the snapshot.</summary>
    /// <value>The default value is <see langword="false"/>, which leaves it to the account's setting.</value>
    public bool Encrypted { get; init; }

    /// <summary>The key that it is encrypted with; needs <see cref="Encrypted"/>.</summary>
    /// <value>The default value is <see langword="null"/>: the account's default key.</value>
    public string? KmsKeyArn { get; init; }

    /// <summary>After how long the service drops the snapshot if it is not completed: 10 minutes to 3 days, in whole minutes.</summary>
    /// <value>The default value is <see langword="null"/>: the service's own choice.</value>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Path of the journal by which an upload that broke off goes on: written as blocks are acknowledged, used when it is there, deleted on completion.</summary>
    /// <value>The default value is <see langword="null"/>: the upload cannot go on later.</value>
    public string? JournalPath { get; init; }

    /// <summary>Whether <see cref="Disks.DiskWriter.CompleteAsync"/> waits until the snapshot can be read.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    public bool WaitsForCompletion { get; init; } = true;

    /// <summary>How long that wait may last.</summary>
    /// <value>The default value is one hour.</value>
    public TimeSpan CompletionTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The longest pause between two looks whether the snapshot can be read.</summary>
    /// <value>The default value is 5 s.</value>
    public TimeSpan CompletionPollInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How many blocks that are written in parts are held in memory; more wait in a nameless temporary file.</summary>
    /// <value>The default value is 64: 32 MiB.</value>
    public int MaxPartialBlocks { get; init; } = 64;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Tags);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPartialBlocks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(CompletionTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(CompletionPollInterval, TimeSpan.Zero);
        if (Timeout is { } timeout)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.FromMinutes(10), nameof(Timeout));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout, TimeSpan.FromMinutes(4320), nameof(Timeout));
        }

        if (ParentSnapshotId is not null)
        {
            EbsConstants.ThrowIfNoSnapshotId(ParentSnapshotId, nameof(ParentSnapshotId));
            if (Encrypted || KmsKeyArn is not null)
            {
                throw new ArgumentException("An increment is encrypted as its parent is: encryption and a parent exclude each other.", nameof(Encrypted));
            }
        }

        if (KmsKeyArn is not null && !Encrypted)
        {
            throw new ArgumentException("A key is named, and encryption is not asked for.", nameof(KmsKeyArn));
        }
    }
}
