namespace CloudImage.Sdk.Storage;

/// <summary>How often an object will be read, from which a store chooses where it keeps it.</summary>
public enum ObjectTemperature
{
    /// <summary>The store's default.</summary>
    Default = 0,

    /// <summary>Read by every operation: metadata, small objects.</summary>
    Warm = 1,

    /// <summary>Written once and seldom read: data.</summary>
    Cold = 2,
}
