namespace CloudImage.Sdk.IO;

/// <summary>What is promised of written bytes when the machine loses power.</summary>
public enum WriteDurability
{
    /// <summary>Barriers reach the medium: what is reported as complete survives a loss of power.</summary>
    Flush = 0,

    /// <summary>Left to the operating system: complete is what other processes see, not what survives a loss of power.</summary>
    None = 1,
}
