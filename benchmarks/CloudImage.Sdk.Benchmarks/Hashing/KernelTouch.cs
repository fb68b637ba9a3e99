using System;
using CloudImage.Sdk.Chunking;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Benchmarks.Hashing;

/// <summary>Calls every kernel of the machine once, so that its machine code can be listed.</summary>
internal static class KernelTouch
{
    public static int Run()
    {
        InstructionSet.RequireExpected();
        byte[] data = new byte[1024 * 1024];
        new Random(1).NextBytes(data);
        ContentDigest[] digests = new ContentDigest[256];
        for (Blake3Kernel kernel = 0; kernel <= Blake3Engine.LastKernel; kernel++)
        {
            Blake3.HashMany(data, 4096, digests, kernel);
            Blake3.HashData(data.AsSpan(0, 24 * 1024), kernel);
        }

        if (Sha256Vector512.IsSupported)
        {
            TouchSha256(data);
        }

        if (Sha256Vector256.IsSupported)
        {
            Sha256Lanes.HashMany(data, 4096, digests, Sha256Vector256.Lanes);
        }

        for (MinCdcKernel kernel = 0; kernel <= MinCdcSearch.BestKernel; kernel++)
        {
            MinCdcSearch.IndexOfMin(data, 0x915F77F5, 5, kernel);
        }

        ZeroDetector.IsZero(new byte[4096]);
        return 0;
    }

    private static unsafe void TouchSha256(byte[] data)
    {
        uint* state = stackalloc uint[Sha256Constants.StateWords * Sha256Vector512.Lanes];
        byte** inputs = stackalloc byte*[Sha256Vector512.Lanes];
        fixed (byte* start = data)
        {
            for (int i = 0; i < Sha256Vector512.Lanes; i++)
            {
                inputs[i] = start + (i * 4096);
            }

            Sha256Vector512.Compress<Sha256Vector512.SharedSums>(state, inputs, 64);
            Sha256Vector512.Compress<Sha256Vector512.SeparateSums>(state, inputs, 64);
        }
    }
}
