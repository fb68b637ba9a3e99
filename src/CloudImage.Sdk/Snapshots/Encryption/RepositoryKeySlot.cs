namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>One holder's wrapped key of one epoch of an encrypted repository.</summary>
public sealed class RepositoryKeySlot
{
    internal RepositoryKeySlot(long epoch, string id, string kind, string holder)
    {
        Epoch = epoch;
        Id = id;
        Kind = kind;
        Holder = holder;
    }

    /// <summary>The epoch, counted from 1.</summary>
    public long Epoch { get; }

    /// <summary>What the holder is known by in the repository: 16 hexadecimal digits, the same in every epoch.</summary>
    public string Id { get; }

    /// <summary>The way of wrapping, see <see cref="KeyProvider.Kind"/>.</summary>
    public string Kind { get; }

    /// <summary>Who holds it, see <see cref="KeyProvider.Holder"/>.</summary>
    public string Holder { get; }
}
