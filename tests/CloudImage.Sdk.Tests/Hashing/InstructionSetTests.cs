using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CloudImage.Sdk.Chunking;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

/// <summary>Holds a run of the tests to the instruction set that it was started for.</summary>
public sealed class InstructionSetTests
{
    [Fact]
    public void Process_ExpectedInstructionSet_IsInForce()
    {
        string? expected = Environment.GetEnvironmentVariable("CLOUDIMAGE_EXPECT_ISA");
        Assert.SkipWhen(string.IsNullOrEmpty(expected), "CLOUDIMAGE_EXPECT_ISA names no instruction set.");
        string active = Vector512.IsHardwareAccelerated && Avx512BW.IsSupported ? "avx512"
            : Vector256.IsHardwareAccelerated && Avx2.IsSupported ? "avx2"
            : Vector128.IsHardwareAccelerated ? "vector128"
            : "scalar";
        Assert.Equal(expected, active);
        Blake3Kernel kernel = active switch
        {
            "avx512" => Blake3Kernel.Vector512,
            "avx2" => Blake3Kernel.Vector256,
            "vector128" => Blake3Kernel.Vector128,
            _ => Blake3Kernel.Scalar,
        };
        Blake3Kernel best = Blake3Engine.BestKernel;
        Assert.Equal(kernel, best == Blake3Kernel.Vector512Staggered ? Blake3Kernel.Vector512 : best);
        Assert.Equal((int)kernel, (int)MinCdcSearch.BestKernel);
    }
}
