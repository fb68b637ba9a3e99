using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;

namespace CloudImage.Sdk.Benchmarks;

/// <summary>One job for each instruction set. A job fails when another one is in force than it names.</summary>
/// <remarks>
/// A class that uses it calls <see cref="InstructionSet.RequireExpected"/> in its set-up. DOTNET_EnableAVX512F of older
/// runtimes does nothing any more, which is what the check is for. The first job expects nothing: it is the machine's best.
/// </remarks>
internal sealed class InstructionSetConfig : ManualConfig
{
    public InstructionSetConfig()
    {
        AddJob(Create("best", string.Empty, "DOTNET_EnableAVX512", "1"));
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

    private static Job Create(string name, string expected, string variable, string value) => new Job(name)
        .WithEnvironmentVariable(variable, value)
        .WithEnvironmentVariable(InstructionSet.ExpectationVariable, expected)
        .WithWarmupCount(2)
        .WithIterationCount(5);
}
