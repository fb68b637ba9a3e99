using System;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Holds what is stored against what was written.</summary>
internal static class SnapshotVerifyCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string?> id = new("ID") { Description = "Only this snapshot; by default everything.", Arity = ArgumentArity.ZeroOrOne };
        Option<string> level = new("--level") { Description = "structure: names and sizes. checksums: what the store itself knows. content: every byte is read, decoded and digested.", DefaultValueFactory = _ => "content", HelpName = "structure|checksums|content" };
        level.AcceptOnlyFromAmong("structure", "checksums", "content");
        Option<string?> key = SharedOptions.Key();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("verify", "Whether everything stored is what was written. Exit code 1 when it is not.") { repository, id, level, key, threads, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            VerifyOptions options = new()
            {
                SnapshotId = parsed.GetValue(id),
                Level = Enum.Parse<VerifyLevel>(parsed.GetValue(level)!, true),
                Concurrency = parsed.GetValue(threads),
            };
            return RunAsync(parsed.GetRequiredValue(repository), options, parsed.GetValue(key), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(string path, VerifyOptions options, string? key, bool json, CancellationToken cancellationToken)
    {
        VerifyResult result = null!;
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        await ProgressDisplay.RunAsync("verifying", json, async progress =>
            result = await repository.VerifyAsync(options, SnapshotProgressAdapter.For(progress), cancellationToken));
        if (json)
        {
            VerifyAnswer answer = new(result.IsHealthy, result.Snapshots, result.Objects, result.Chunks, result.Bytes, [.. result.Problems.Select(static problem => problem.Message)], result.AffectedSnapshots);
            Report.Json(answer, AnswerContext.Default.VerifyAnswer);
        }
        else
        {
            foreach (VerifyProblem problem in result.Problems)
            {
                Console.Out.WriteLine(problem.Message);
            }

            string verdict = result.IsHealthy ? "no problem" : $"{result.Problems.Count} problems; snapshots that suffer: {(result.AffectedSnapshots.Count == 0 ? "none" : string.Join(", ", result.AffectedSnapshots))}";
            Console.Out.WriteLine($"{result.Snapshots} snapshots, {result.Objects} objects, {result.Chunks} chunks, {ByteText.Format(result.Bytes)} read: {verdict}");
        }

        return result.IsHealthy ? ExitCode.Success : ExitCode.No;
    }
}
