namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Names and numbers of OVF packages (DSP0243).</summary>
internal static class OvaConstants
{
    public const string Name = "ova";

    public const string DescriptorExtension = ".ovf";
    public const string ManifestExtension = ".mf";
    public const string CertificateExtension = ".cert";

    /// <summary>The format of disks that every importer takes.</summary>
    public const string StreamOptimizedUri = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";

    /// <summary>The time that members bear (1980-01-01): equal disks give equal packages.</summary>
    public const long MemberTime = 315532800;

    /// <summary>Packages end on a whole record, as GNU tar writes them.</summary>
    public const int RecordSize = 10240;

    /// <summary>How many digits number the parts of a file that is cut into chunks.</summary>
    public const int ChunkDigits = 9;
}
