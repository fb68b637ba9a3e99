namespace CloudImage.Sdk.Chunking;

/// <summary>The vector width of a search for the lowest window. All find the same place.</summary>
internal enum MinCdcKernel
{
    Scalar = 0,
    Vector128 = 1,
    Vector256 = 2,
    Vector512 = 3,
}
