namespace CloudImage.Sdk.Snapshots;

/// <summary>Something that verification found wrong. Immutable.</summary>
public sealed class VerifyProblem
{
    internal VerifyProblem(string objectName, string message)
    {
        ObjectName = objectName;
        Message = message;
    }

    /// <summary>Name of the object that is damaged or missing.</summary>
    public string ObjectName { get; }

    /// <summary>What was found, where, and what was expected.</summary>
    public string Message { get; }

    /// <inheritdoc/>
    public override string ToString() => Message;
}
