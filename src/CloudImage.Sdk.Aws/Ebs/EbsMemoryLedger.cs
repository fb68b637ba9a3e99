using System.Threading;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The ledger of an upload that will not go on later: 64 MiB of memory for each TiB that is written.</summary>
internal sealed class EbsMemoryLedger(int blockCount) : EbsLedger(blockCount)
{
    private const int SegmentLength = 1024;
    private readonly ContentDigest[]?[] _segments = new ContentDigest[]?[(blockCount + SegmentLength - 1) / SegmentLength];

    public override void Dispose()
    {
    }

    protected override ContentDigest ReadDigest(int block) => Volatile.Read(ref _segments[block / SegmentLength])![block % SegmentLength];

    protected override void WriteBegun(int block, bool wasAcknowledged)
    {
    }

    protected override void WriteDigest(int block, ContentDigest digest)
    {
        ref ContentDigest[]? segment = ref _segments[block / SegmentLength];
        ContentDigest[]? digests = Volatile.Read(ref segment);
        if (digests is null)
        {
            digests = new ContentDigest[SegmentLength];
            digests = Interlocked.CompareExchange(ref segment, digests, null) ?? digests;
        }

        digests[block % SegmentLength] = digest;
    }
}
