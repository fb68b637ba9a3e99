namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>What follows a marker whose size field is zero.</summary>
internal enum VmdkMarkerType : uint
{
    EndOfStream = 0,
    GrainTable = 1,
    GrainDirectory = 2,
    Footer = 3,
    Progress = 4,
}
