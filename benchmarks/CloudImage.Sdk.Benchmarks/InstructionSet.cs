using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Benchmarks;

/// <summary>The vector instruction set in force in this process.</summary>
internal static class InstructionSet
{
    /// <summary>The environment variable that names what must be in force.</summary>
    public const string ExpectationVariable = "CLOUDIMAGE_EXPECT_ISA";

    /// <summary>Gets "avx512", "avx2", "vector128" or "scalar".</summary>
    public static string Active =>
        Vector512.IsHardwareAccelerated && Avx512BW.IsSupported ? "avx512"
        : Vector256.IsHardwareAccelerated && Avx2.IsSupported ? "avx2"
        : Vector128.IsHardwareAccelerated ? "vector128"
        : "scalar";

    /// <summary>Fails when another instruction set is in force than the environment names.</summary>
    public static void RequireExpected()
    {
        string? expected = Environment.GetEnvironmentVariable(ExpectationVariable);
        if (!string.IsNullOrEmpty(expected) && expected != Active)
        {
            throw new InvalidOperationException($"Expected the instruction set {expected}, and {Active} is in force.");
        }
    }
}
