using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;

namespace CloudImage.Cli.Commands;

/// <summary>Tells whether two images show a guest the same disk.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        Argument<string> first = new("FIRST") { Description = "An image." };
        Argument<string> second = new("SECOND") { Description = "The other image, of any format." };
        Option<string?> from = SharedOptions.From();
        Option<string?> secondFrom = new("--second-from") { Description = "Format of the second image; detected where it is not given.", HelpName = "FORMAT" };
        Option<bool> strict = new("--strict") { Description = "Disks of different lengths differ, although the longer one ends in zeros." };
        Option<bool> noReferences = SharedOptions.NoReferences();
        Option<bool> force = SharedOptions.Force();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("compare", "Whether two images hold the same disk, whatever their formats. Exit code 1 when they differ.") { first, second, from, secondFrom, strict, noReferences, force, threads, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string left = parsed.GetRequiredValue(first);
            string right = parsed.GetRequiredValue(second);
            await using VirtualDisk leftDisk = await Sources.OpenAsync(left, Sources.Options(parsed.GetValue(from), parsed.GetValue(noReferences), left, force: parsed.GetValue(force)), cancellationToken);
            await using VirtualDisk rightDisk = await Sources.OpenAsync(right, Sources.Options(parsed.GetValue(secondFrom), parsed.GetValue(noReferences), right, force: parsed.GetValue(force)), cancellationToken);
            DiskCompareOptions options = new() { IsStrict = parsed.GetValue(strict), WorkerCount = parsed.GetValue(threads) };
            return await RunAsync(leftDisk, rightDisk, options, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(VirtualDisk first, VirtualDisk second, DiskCompareOptions options, bool json, CancellationToken cancellationToken)
    {
        DiskComparison result = null!;
        await ProgressDisplay.RunAsync("comparing", json, async progress =>
            result = await DiskComparer.CompareAsync(first, second, options, DiskProgressAdapter.For(progress), cancellationToken));
        if (json)
        {
            Report.Json(new CompareAnswer(result.AreEqual, result.FirstDifference, result.HaveEqualLengths), AnswerContext.Default.CompareAnswer);
        }
        else
        {
            Console.Out.WriteLine((result.AreEqual, result.HaveEqualLengths) switch
            {
                (true, true) => "The disks are equal.",
                (true, false) => "The disks are equal; the longer one ends in zeros.",
                _ => $"The disks differ at byte {result.FirstDifference}.",
            });
        }

        return result.AreEqual ? ExitCode.Success : ExitCode.No;
    }
}
