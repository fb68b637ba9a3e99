namespace CloudImage.Sdk.Aws;

/// <summary>What was found when an <see cref="S3ObjectStore"/> was opened.</summary>
public sealed class S3ProbeResult
{
    internal S3ProbeResult(bool hasAtomicCreate, string reason)
    {
        HasAtomicCreate = hasAtomicCreate;
        Reason = reason;
    }

    /// <summary>Whether the service refused to create an object of a name that existed.</summary>
    public bool HasAtomicCreate { get; }

    /// <summary>How that is known, or why it is not so: a sentence.</summary>
    public string Reason { get; }
}
