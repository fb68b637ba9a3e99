namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What becomes of an upload that breaks off, and of one that broke off before.</summary>
public enum PageBlobResume
{
    /// <summary>An upload that is not completed is deleted when the writer is disposed; an unfinished one that is there already is refused.</summary>
    None = 0,

    /// <summary>An upload that is not completed stays, and is gone on with: pages that are there are read and compared, and sent where they differ.</summary>
    Verify = 1,

    /// <summary>As <see cref="Verify"/>, but pages that are there are believed without reading them. Needs <see cref="PageBlobWriterOptions.ContentId"/>, which names the content beyond doubt.</summary>
    Trust = 2,
}
