using System;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Commands;

/// <summary>Frees the space of what nothing refers to.</summary>
internal static class RepoGcCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Option<bool> dryRun = new("--dry-run") { Description = "Say what would go, and why; change nothing." };
        Option<string?> idle = new("--abort-idle") { Description = "First give up captures without a result that left no trace for so long: 36h, 7d. A capture that still runs then begins again.", HelpName = "AGE" };
        Option<string[]> session = new("--abort") { Description = "First give up this capture without a result. May be repeated.", HelpName = "SESSION", AllowMultipleArgumentsPerToken = false };
        Option<int> compact = new("--compact") { Description = "Also copy what is needed out of packs of which less than so many percent still is, and free them. Reads trees and those packs.", DefaultValueFactory = _ => 0, HelpName = "PERCENT" };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("gc", "Delete what no snapshot refers to any more. Captures, readers and other collections may run beside it.") { repository, dryRun, compact, idle, session, key, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            CollectOptions options = new()
            {
                IsDryRun = parsed.GetValue(dryRun),
                AbortSessionsIdleFor = parsed.GetValue(idle) is { } age ? ParseAge(age) : null,
                CompactBelow = parsed.GetValue(compact) / 100.0,
                AbortSessions = parsed.GetValue(session) ?? [],
            };
            return RunAsync(parsed.GetRequiredValue(repository), options, parsed.GetValue(key), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(string path, CollectOptions options, string? key, bool json, CancellationToken cancellationToken)
    {
        CollectResult result = null!;
        (SnapshotRepository repository, CountingObjectStore store) = await Repositories.OpenCountedAsync(path, key, WriteDurability.Flush, cancellationToken);
        await using SnapshotRepository owned = repository;
        await ProgressDisplay.RunAsync("collecting", json, async progress => result = await repository.CollectAsync(options, CollectProgressAdapter.For(progress), cancellationToken));
        if (json)
        {
            Report.Json(GcAnswer.Of(result, RequestsAnswer.Of(store)), AnswerContext.Default.GcAnswer);
            return ExitCode.Success;
        }

        if (result.IsAgeBased)
        {
            Console.Out.WriteLine("AGE-BASED: this store does not keep what safe collection needs; packs go after a time, by the clock. See 'repo probe'.");
        }

        foreach (string warning in result.Warnings)
        {
            Console.Out.WriteLine(warning);
        }

        if (result.Findings.Count > 0)
        {
            Report.Table(["session", "packs", "bytes", options.IsDryRun ? "would" : "what", "why"], result.Findings.Select(static one => new[]
            {
                one.SessionId, $"{one.Packs}", ByteText.Format(one.Bytes), one.IsCollected ? "go" : "stay", Explain(one.Reason),
            }));
            Console.Out.WriteLine();
        }

        Report.Fields(
            ("generation", result.Generation == 0 ? null : $"{result.Generation}"),
            ("taken over", result.AdoptedGenerations.Count == 0 ? null : string.Join(", ", result.AdoptedGenerations)),
            ("given up", result.AbortedSessions.Count == 0 ? null : $"{result.AbortedSessions.Count} captures"),
            ("to collect", options.IsDryRun ? $"{result.CandidatePacks} packs, {ByteText.Exact(result.CandidateBytes)}" : null),
            ("waits until", result.WaitsUntil?.ToString("u", CultureInfo.InvariantCulture)),
            ("spared", result.SparedPacks == 0 ? null : $"{result.SparedPacks} packs that are in use again"),
            (options.IsDryRun ? "to compact" : "compacted", result.CompactedPacks == 0 ? null : $"{result.CompactedPacks} packs, {ByteText.Exact(result.CopiedBytes)} copied"),
            ("freed", options.IsDryRun ? null : $"{ByteText.Exact(result.DeletedBytes)} in {result.DeletedPacks} packs; {result.DeletedSegments} index segments"));
        return ExitCode.Success;
    }

    private static string Explain(CollectReason reason) => reason switch
    {
        CollectReason.Undecided => "capture without a result: running, or dead (--abort)",
        CollectReason.Aborted => "capture that was given up",
        CollectReason.Retired => "snapshot that was deleted",
        CollectReason.Unreferenced => "not needed by its snapshot, or copied elsewhere",
        _ => "snapshot that was deleted; another one or a reader uses them",
    };

    private static TimeSpan ParseAge(string text)
    {
        char unit = text.Length == 0 ? ' ' : text[^1];
        double hours = unit switch
        {
            's' => 1 / 3600.0,
            'm' => 1 / 60.0,
            'h' => 1,
            'd' => 24,
            _ => 0,
        };
        return hours > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? TimeSpan.FromHours(hours * count)
            : throw new UsageException($"'{text}' is no age; write a number with s, m, h or d behind it.");
    }
}
