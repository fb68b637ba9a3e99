namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The calls of EBS direct, as quotas and prices tell them apart.</summary>
internal enum EbsOperation
{
    StartSnapshot = 0,
    PutSnapshotBlock = 1,
    CompleteSnapshot = 2,
    ListSnapshotBlocks = 3,
    ListChangedBlocks = 4,
    GetSnapshotBlock = 5,
}
