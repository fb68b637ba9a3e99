using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>What a snapshot is known by across repositories: where it was captured, and its id there.</summary>
/// <param name="Repository">The id of the repository.</param>
/// <param name="Session">The id of the session that captured it.</param>
internal readonly record struct SnapshotIdentity(SessionId Repository, SessionId Session)
{
    private const string Prefix = "origin.";

    /// <summary>The part of a record's name, after the session, that says where a copy is from.</summary>
    public string ToPart() => $"{Prefix}{Repository}-{Session}";

    /// <summary>Reads the part of a record's name.</summary>
    public static bool TryParsePart(ReadOnlySpan<char> part, out SnapshotIdentity identity)
    {
        identity = default;
        if (!part.StartsWith(Prefix, StringComparison.Ordinal) || part.Length != Prefix.Length + (2 * SessionId.TextLength) + 1
            || part[Prefix.Length + SessionId.TextLength] != '-'
            || !SessionId.TryParse(part.Slice(Prefix.Length, SessionId.TextLength), out SessionId repository)
            || !SessionId.TryParse(part[(Prefix.Length + SessionId.TextLength + 1)..], out SessionId session))
        {
            return false;
        }

        identity = new SnapshotIdentity(repository, session);
        return true;
    }
}
