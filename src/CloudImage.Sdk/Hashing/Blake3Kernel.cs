namespace CloudImage.Sdk.Hashing;

/// <summary>The vector width that a hash runs on, and how two states of it share a core. All give the same digests.</summary>
internal enum Blake3Kernel
{
    Scalar = 0,
    Vector128 = 1,
    Vector256 = 2,
    Vector512 = 3,
    Vector512Staggered = 4,
}
