using System;
using System.Linq;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using CloudImage.Sdk.Benchmarks.Chunking;
using CloudImage.Sdk.Benchmarks.Hashing;

namespace CloudImage.Sdk.Benchmarks;

/// <summary>
/// <c>kernels</c> prints the ratios of the kernels in one process, <c>dedup DIRECTORY</c> the deduplication table;
/// <c>touch</c> runs each kernel once, for listing their code; anything else goes to BenchmarkDotNet (for instance <c>--filter '*Blake3*'</c>, or <c>--job dry</c>).
/// </summary>
internal static class Program
{
    private static int Main(string[] args) => args switch
    {
        ["kernels", .. string[] rest] => KernelRatios.Run(rest),
        ["touch"] => KernelTouch.Run(),
        ["dedup", string directory] => DeduplicationTable.Run(directory),
        _ => RunBenchmarks(args),
    };

    // A benchmark that throws, or a filter that matches none, must not look like success.
    private static int RunBenchmarks(string[] args)
    {
        Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args)];
        bool hasFailed = summaries.Any(static summary => summary.HasCriticalValidationErrors || summary.Reports.Any(static report => !report.Success));
        bool ranNone = summaries.Length == 0 && args.Contains("--filter") && !args.Contains("--list");
        return hasFailed || ranNone ? 1 : 0;
    }
}
