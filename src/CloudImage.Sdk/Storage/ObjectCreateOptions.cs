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
}
