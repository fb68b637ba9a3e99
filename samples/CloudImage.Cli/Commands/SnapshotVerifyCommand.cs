using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Signing;

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
        Option<string[]> verifyKeys = SharedOptions.VerifyKeys();
        Option<string?> key = SharedOptions.Key();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("verify", "Whether everything stored is what was written. Exit code 1 when it is not.") { repository, id, level, verifyKeys, key, threads, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            VerifyOptions options = new()
            {
                SnapshotId = parsed.GetValue(id),
                Level = Enum.Parse<VerifyLevel>(parsed.GetValue(level)!, true),
                Concurrency = parsed.GetValue(threads),
            };
            return RunAsync(parsed.GetRequiredValue(repository), options, SigningKeys.Load(parsed.GetValue(verifyKeys)), parsed.GetValue(key), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(string path, VerifyOptions options, IReadOnlyList<SnapshotSignatureKey> trusted, string? key, bool json, CancellationToken cancellationToken)
    {
        VerifyResult result = null!;
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        await ProgressDisplay.RunAsync("verifying", json, async progress =>
            result = await repository.VerifyAsync(options, SnapshotProgressAdapter.For(progress), cancellationToken));
        List<string> problems = [.. result.Problems.Select(static problem => problem.Message)];
        List<string> affected = [.. result.AffectedSnapshots];
        await CheckSignaturesAsync(repository, options.SnapshotId, trusted, problems, affected, cancellationToken);
        if (json)
        {
            VerifyAnswer answer = new(problems.Count == 0, result.Snapshots, result.Objects, result.Chunks, result.Bytes, problems, affected);
            Report.Json(answer, AnswerContext.Default.VerifyAnswer);
        }
        else
        {
            foreach (string problem in problems)
            {
                Console.Out.WriteLine(problem);
            }

            string verdict = problems.Count == 0 ? "no problem" : $"{problems.Count} problems; snapshots that suffer: {(affected.Count == 0 ? "none" : string.Join(", ", affected))}";
            Console.Out.WriteLine($"{result.Snapshots} snapshots, {result.Objects} objects, {result.Chunks} chunks, {ByteText.Format(result.Bytes)} read: {verdict}");
        }

        return problems.Count == 0 ? ExitCode.Success : ExitCode.No;
    }

    // Beside what is stored, who vouches for it: only where keys are named.
    private static async Task CheckSignaturesAsync(
        SnapshotRepository repository, string? id, IReadOnlyList<SnapshotSignatureKey> trusted, List<string> problems, List<string> affected, CancellationToken cancellationToken)
    {
        if (trusted.Count == 0)
        {
            return;
        }

        foreach (SnapshotInfo snapshot in await repository.ListAsync(cancellationToken))
        {
            if (id is not null && snapshot.Id != id)
            {
                continue;
            }

            SignatureStatus status = await repository.CheckSignatureAsync(snapshot.Id, trusted, cancellationToken);
            if (status != SignatureStatus.Valid)
            {
                problems.Add($"Snapshot {snapshot.Id} ({snapshot}) has no good signature by a trusted key: {status}.");
                affected.Add(snapshot.Id);
            }
        }
    }
}
