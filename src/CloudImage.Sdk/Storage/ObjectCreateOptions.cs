namespace CloudImage.Sdk.Storage;

/// <summary>How an object is created.</summary>
public sealed class ObjectCreateOptions
{
    /// <summary>The defaults.</summary>
    public static ObjectCreateOptions Default { get; } = new();

    /// <summary>How often the object will be read.</summary>
    /// <value>The default value is <see cref="ObjectTemperature.Default"/>.</value>
    public ObjectTemperature Temperature { get; init; }

    /// <summary>The checksum of the whole content, where the creator knows it already.</summary>
    /// <value>The default value is of kind <see cref="ObjectChecksumKind.None"/>: a store that keeps checksums computes its own.</value>
    /// <remarks>A store that can check it refuses content that differs; one that keeps another kind ignores it.</remarks>
    public ObjectChecksum Checksum { get; init; }

    /// <summary>How long an object that is handed over in parts will be at most, in bytes, as far as its creator knows.</summary>
    /// <value>The default value is zero: not known. A store that holds parts in memory takes that much at once, instead of growing step by step.</value>
    /// <remarks>A hint: an object may become longer, or stay far shorter.</remarks>
    public int ExpectedLength { get; init; }
}
