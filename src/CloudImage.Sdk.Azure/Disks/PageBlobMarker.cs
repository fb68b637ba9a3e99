using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What a blob's metadata say of an upload: whose it is, of what, and whether it was completed.</summary>
internal sealed class PageBlobMarker
{
    private const string UnfinishedKey = "cloudimage_upload";
    private const string CompleteKey = "cloudimage_complete";
    private const string Version = "1";

    /// <summary>Names one run of a writer.</summary>
    public required string Run { get; init; }

    /// <summary>The blob's sequence number while the run owns it: what others wrote on their own number is refused by the service.</summary>
    public long Fence => long.Parse(Run[..13], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    public required PageBlobLayout Layout { get; init; }

    /// <summary>Length of the disk.</summary>
    public required long Length { get; init; }

    /// <summary>What the caller calls the content; null where it does not say.</summary>
    public string? ContentId { get; init; }

    public bool IsComplete { get; init; }

    /// <summary>Reads the mark; null where there is none that this version knows.</summary>
    public static PageBlobMarker? Read(IDictionary<string, string> metadata)
    {
        bool isComplete = false;
        // The service may give the names in another case.
        string? text = metadata.FirstOrDefault(static pair => pair.Key.Equals(UnfinishedKey, StringComparison.OrdinalIgnoreCase)).Value;
        if (text is null)
        {
            text = metadata.FirstOrDefault(static pair => pair.Key.Equals(CompleteKey, StringComparison.OrdinalIgnoreCase)).Value;
            isComplete = true;
        }

        string[] words = text?.Split(' ') ?? [];
        if (words.Length != 5 || words[0] != Version
            || !Enum.TryParse(words[2], out PageBlobLayout layout) || !Enum.IsDefined(layout)
            || !long.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out long length))
        {
            return null;
        }

        try
        {
            string? contentId = words[4] == "-" ? null : Encoding.UTF8.GetString(Convert.FromBase64String(words[4]));
            return new PageBlobMarker { Run = words[1], Layout = layout, Length = length, ContentId = contentId, IsComplete = isComplete };
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Whether two marks are of uploads of the same content to the same layout.</summary>
    public bool IsSameUpload(PageBlobMarker other) => Layout == other.Layout && Length == other.Length && ContentId == other.ContentId;

    /// <summary>The mark and a caller's own metadata.</summary>
    public Dictionary<string, string> ToMetadata(IReadOnlyDictionary<string, string> others, bool isComplete)
    {
        string contentId = ContentId is null ? "-" : Convert.ToBase64String(Encoding.UTF8.GetBytes(ContentId));
        return new Dictionary<string, string>(others, StringComparer.OrdinalIgnoreCase)
        {
            [isComplete ? CompleteKey : UnfinishedKey] = string.Create(CultureInfo.InvariantCulture, $"{Version} {Run} {Layout} {Length} {contentId}"),
        };
    }
}
