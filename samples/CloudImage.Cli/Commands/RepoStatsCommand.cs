using System;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Tells what a repository holds and what it costs.</summary>
internal static class RepoStatsCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("stats", "What a repository holds: logical, unique and stored bytes, and what deleting each snapshot would free.") { repository, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetRequiredValue(repository), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        RepositoryStatistics statistics = await repository.GetStatisticsAsync(cancellationToken);
        if (json)
        {
            RepoStatsAnswer answer = new(
                statistics.Snapshots.Count, statistics.LogicalBytes, statistics.DataBytes, statistics.UniqueBytes, statistics.ReferencedBytes, statistics.StoredBytes, statistics.Objects,
                [.. statistics.Snapshots.Select(static one => new SnapshotStatsAnswer(one.Snapshot.Id, one.Snapshot.Image, one.Snapshot.Sequence, one.Snapshot.Length, one.Snapshot.DataBytes, one.ReferencedBytes, one.ExclusiveBytes))]);
            Report.Json(answer, AnswerContext.Default.RepoStatsAnswer);
            return ExitCode.Success;
        }

        Report.Fields(
            ("snapshots", $"{statistics.Snapshots.Count}"),
            ("disks", ByteText.Exact(statistics.LogicalBytes)),
            ("data", ByteText.Exact(statistics.DataBytes)),
            ("unique", ByteText.Exact(statistics.UniqueBytes)),
            ("referenced", ByteText.Exact(statistics.ReferencedBytes)),
            ("stored", $"{ByteText.Exact(statistics.StoredBytes)} in {statistics.Objects} objects"));
        Console.Out.WriteLine();
        Report.Table(["id", "image", "no", "disk", "data", "uses", "alone"], statistics.Snapshots.Select(static one => new[]
        {
            one.Snapshot.Id, one.Snapshot.Image, $"{one.Snapshot.Sequence}", ByteText.Format(one.Snapshot.Length), ByteText.Format(one.Snapshot.DataBytes), ByteText.Format(one.ReferencedBytes), ByteText.Format(one.ExclusiveBytes),
        }));
        return ExitCode.Success;
    }
}
