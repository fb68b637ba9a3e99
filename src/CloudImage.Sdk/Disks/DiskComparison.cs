namespace CloudImage.Sdk.Disks;

/// <summary>What a comparison of two disks found.</summary>
public sealed class DiskComparison
{
    internal DiskComparison(long? firstDifference, bool haveEqualLengths)
    {
        FirstDifference = firstDifference;
        HaveEqualLengths = haveEqualLengths;
    }

    /// <summary>Whether a guest sees the same content on both.</summary>
    public bool AreEqual => FirstDifference is null;

    /// <summary>Position of the first byte that differs; null where none does. In a strict comparison of disks that differ in length alone, the shorter length.</summary>
    public long? FirstDifference { get; }

    /// <summary>Whether both disks are equally long.</summary>
    public bool HaveEqualLengths { get; }
}
