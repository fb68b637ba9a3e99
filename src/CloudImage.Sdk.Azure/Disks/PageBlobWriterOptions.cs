using System;
using System.Collections.Generic;
using CloudImage.Sdk.Formats.Vhd;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>How a new page blob is written. Immutable.</summary>
public sealed class PageBlobWriterOptions
{
    /// <summary>The defaults: a fixed VHD, deleted when it is not completed.</summary>
    public static PageBlobWriterOptions Default { get; } = new();

    /// <summary>What the blob holds.</summary>
    /// <value>The default value is <see cref="PageBlobLayout.FixedVhd"/>; the blob's name has to end in <c>.vhd</c> then.</value>
    public PageBlobLayout Layout { get; init; } = PageBlobLayout.FixedVhd;

    /// <summary>What becomes of an upload that breaks off.</summary>
    /// <value>The default value is <see cref="PageBlobResume.None"/>.</value>
    public PageBlobResume Resume { get; init; }

    /// <summary>What the caller calls the content, such as the id of a snapshot: an unfinished upload is only gone on with by one of the same name. Kept in the blob's metadata.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? ContentId { get; init; }

    /// <summary>The blob's own metadata; names that begin with <c>cloudimage_</c> are the writer's.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>The VHD's id and clock; the variant is always the fixed one.</summary>
    /// <value>The default value is a new id, and the system's clock.</value>
    public VhdOptions Vhd { get; init; } = new() { Variant = VhdVariant.Fixed };

    /// <summary>How many writes are under way at once, at most.</summary>
    /// <value>The default value is 16.</value>
    public int MaxConcurrentRequests { get; init; } = 16;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Metadata);
        ArgumentNullException.ThrowIfNull(Vhd);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentRequests, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxConcurrentRequests, 1024);
        if (!Enum.IsDefined(Layout) || !Enum.IsDefined(Resume))
        {
            throw new ArgumentException("The layout or the way to resume is none.");
        }

        if (Resume == PageBlobResume.Trust && string.IsNullOrEmpty(ContentId))
        {
            throw new ArgumentException("Pages of an earlier upload are only believed where ContentId names the content.");
        }

        if (ContentId?.Length > 512)
        {
            throw new ArgumentException("ContentId has at most 512 characters.");
        }

        foreach (string name in Metadata.Keys)
        {
            if (name.StartsWith("cloudimage_", StringComparison.OrdinalIgnoreCase))
            {
                throw new ArgumentException($"Metadata named {name} are the writer's own.");
            }
        }
    }
}
