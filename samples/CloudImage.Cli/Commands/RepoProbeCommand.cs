using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;

namespace CloudImage.Cli.Commands;

/// <summary>Tries whether a store can carry a shared repository.</summary>
internal static class RepoProbeCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("probe", "Whether the store keeps what a repository needs that several machines share. Exit code 1 when it does not.") { repository, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetRequiredValue(repository), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        StoreProbeResult result = await repository.ProbeAsync(cancellationToken);
        if (json)
        {
            Report.Json(
                new ProbeAnswer(result.IsSafe, result.RefusesSecondCreate, result.HasOneWinner, result.ShowsCreations, result.ShowsDeletions),
                AnswerContext.Default.ProbeAnswer);
        }
        else
        {
            Report.Fields(
                ("second create", Tell(result.RefusesSecondCreate, "refused")),
                ("race to create", Tell(result.HasOneWinner, "one winner")),
                ("after a create", Tell(result.ShowsCreations, "listed and read")),
                ("after a delete", Tell(result.ShowsDeletions, "gone")),
                ("verdict", result.IsSafe ? "any number of writers and collectors may share it" : "AGE-BASED: collected by the clock, and not safe against captures of more than three days"));
        }

        return result.IsSafe ? ExitCode.Success : ExitCode.No;
    }

    private static string Tell(bool isKept, string what) => isKept ? what : $"NOT {what}";
}
