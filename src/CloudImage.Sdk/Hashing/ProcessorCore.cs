using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <summary>What the kernels want to know of the core beyond its instruction sets.</summary>
internal static class ProcessorCore
{
    /// <summary>Whether operations on 512 bits take two passes of 256 bits, so that a kernel is bound by their number and not by their latency.</summary>
    /// <remarks>
    /// Zen 4: family 19h of AMD, whose earlier members have no vectors of 512 bits. On other cores the kernels keep the form
    /// that was measured on Zen 5.
    /// </remarks>
    public static readonly bool SplitsVectors512 = Avx512F.IsSupported && IsAmd() && Family() == 0x19;

    private static bool IsAmd() => X86Base.CpuId(0, 0) is (_, 0x68747541, 0x444d4163, 0x69746e65);

    private static int Family()
    {
        int signature = X86Base.CpuId(1, 0).Eax;
        return ((signature >> 8) & 0xf) + ((signature >> 20) & 0xff);
    }
}
