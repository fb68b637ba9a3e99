using System;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;

namespace CloudImage.Sdk.Benchmarks;

/// <summary>One job for each instruction set. A job fails when another one is in force than it names.</summary>
/// <remarks>
/// A class that uses it calls <see cref="InstructionSet.RequireExpected"/> in its set-up. DOTNET_EnableAVX512F of older
/// runtimes does nothing any more, which is what the check is for. The first job expects the machine's best, as this
/// process has it. With CLOUDIMAGE_BENCHMARKS=dry each job runs its benchmarks once, to show that they run at all.
/// </remarks>
internal sealed class InstructionSetConfig : ManualConfig
{
    private static readonly bool s_isDry = Environment.GetEnvironmentVariable("CLOUDIMAGE_BENCHMARKS") == "dry";

    public InstructionSetConfig()
    {
        AddJob(Create("best", InstructionSet.Active, "DOTNET_EnableAVX512", "1"));
        if (System.Runtime.Intrinsics.X86.Avx512BW.IsSupported)
        {
            AddJob(Create("avx2", "avx2", "DOTNET_EnableAVX512", "0"));
        }

        if (System.Runtime.Intrinsics.X86.Avx2.IsSupported)
        {
            AddJob(Create("vector128", "vector128", "DOTNET_EnableAVX2", "0"));
        }

        AddJob(Create("scalar", "scalar", "DOTNET_EnableHWIntrinsic", "0"));
    }

    private static Job Create(string name, string expected, string variable, string value)
    {
        Job job = s_isDry ? new Job(name, Job.Dry) : new Job(name).WithWarmupCount(2).WithIterationCount(5);
        return job.WithEnvironmentVariable(variable, value).WithEnvironmentVariable(InstructionSet.ExpectationVariable, expected);
    }
}
