namespace CloudImage.Sdk.Formats.Archives;

/// <summary>What the extended headers before a member's own header have told so far.</summary>
internal sealed class TarHeaderState
{
    public TarHeaderState(long headerOffset) => HeaderOffset = headerOffset;

    public long HeaderOffset { get; }

    public TarPax? Pax { get; set; }

    public string? LongName { get; set; }

    public bool IsEmpty => Pax is null && LongName is null;
}
