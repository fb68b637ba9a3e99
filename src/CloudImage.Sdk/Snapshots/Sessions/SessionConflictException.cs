using System;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>The session cannot become a snapshot and its work must begin again in another one.</summary>
internal sealed class SessionConflictException : SnapshotRepositoryException
{
    public SessionConflictException()
        : base("The session was given up.")
    {
    }

    public SessionConflictException(string message)
        : base(message)
    {
        IsTransient = true;
    }

    public SessionConflictException(string message, Exception? innerException)
        : base(message, innerException)
    {
        IsTransient = true;
    }
}
