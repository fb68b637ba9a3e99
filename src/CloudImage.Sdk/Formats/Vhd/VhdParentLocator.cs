namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Where a name of the parent lies in the file.</summary>
/// <param name="code">Platform and kind of the name.</param>
/// <param name="space">Room for the name: sectors by the specification, bytes in files made by Windows. Not relied on.</param>
/// <param name="length">Length of the name in bytes.</param>
/// <param name="fileOffset">Position of the name in the file.</param>
internal readonly struct VhdParentLocator(uint code, uint space, uint length, ulong fileOffset)
{
    public uint Code { get; } = code;

    public uint Space { get; } = space;

    public uint Length { get; } = length;

    public ulong FileOffset { get; } = fileOffset;
}
