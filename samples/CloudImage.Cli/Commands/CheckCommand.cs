using System;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;

namespace CloudImage.Cli.Commands;

/// <summary>Checks the metadata of an image.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        Argument<string> source = new("SOURCE") { Description = "An image: a file, a block device or a URL." };
        Option<string?> from = SharedOptions.From();
        Option<bool> force = SharedOptions.Force();
        Option<bool> json = SharedOptions.Json();
        Command command = new("check", "Whether an image's tables are consistent, with every problem and its place. Exit code 1 when they are corrupt; leaked space alone is reported and leaves 0.") { source, from, force, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string path = parsed.GetRequiredValue(source);
            DiskOpenOptions options = Sources.Options(parsed.GetValue(from), noReferences: true, path, force: parsed.GetValue(force));
            await using VirtualDisk container = await Sources.OpenContainerAsync(path, options, cancellationToken);
            DiskFormat format = Sources.Detect(container, options);
            if (!format.CanCheck)
            {
                throw new UsageException($"'{path}' is {format.Name}, which has no metadata that could be checked.");
            }

            return Answer(format, await format.CheckAsync(container, options, cancellationToken), parsed.GetValue(json));
        });
        return command;
    }

    private static int Answer(DiskFormat format, DiskCheckResult result, bool json)
    {
        int corruptions = result.Problems.Count(static problem => problem.Kind == DiskProblemKind.Corruption);
        int leaks = result.Problems.Count(static problem => problem.Kind == DiskProblemKind.Leak);
        if (json)
        {
            CheckAnswer answer = new(
                format.Name, result.IsConsistent, result.IsClean, corruptions, leaks, result.AllocatedUnits, result.TotalUnits, result.CompressedUnits, result.ImageEndOffset,
                [.. result.Problems.Select(static problem => new ProblemAnswer(Name(problem.Kind), problem.FileOffset, problem.Message))]);
            Report.Json(answer, AnswerContext.Default.CheckAnswer);
        }
        else
        {
            foreach (DiskProblem problem in result.Problems)
            {
                Console.Out.WriteLine(problem.ToString());
            }

            string more = result.IsTruncated ? " and more that are not listed" : string.Empty;
            Console.Out.WriteLine(result.IsClean
                ? $"No problem was found in the {format.Name} image."
                : $"{corruptions} corruptions, {leaks} leaks, {result.Problems.Count - corruptions - leaks} warnings{more}.");
            Report.Fields(
                ("allocated", result.TotalUnits > 0 ? $"{result.AllocatedUnits} of {result.TotalUnits} units, {result.CompressedUnits} compressed" : null),
                ("used up to", result.ImageEndOffset > 0 ? ByteText.Exact(result.ImageEndOffset) : null));
        }

        return result.IsConsistent ? ExitCode.Success : ExitCode.No;
    }

    private static string Name(DiskProblemKind kind) => kind switch
    {
        DiskProblemKind.Corruption => "corruption",
        DiskProblemKind.Leak => "leak",
        _ => "warning",
    };
}
