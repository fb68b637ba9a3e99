namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What is made of pages that an earlier upload wrote.</summary>
internal enum PageUploadKind
{
    /// <summary>They are read and compared; only what differs is sent.</summary>
    Verify = 0,

    /// <summary>They hold what this upload would write there.</summary>
    Trust = 1,

    /// <summary>They are written anew.</summary>
    Overwrite = 2,
}
