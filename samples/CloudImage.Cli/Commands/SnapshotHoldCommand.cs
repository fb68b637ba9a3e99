using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Puts a snapshot under a legal hold, or releases it.</summary>
internal static class SnapshotHoldCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> id = new("ID") { Description = "The snapshot." };
        Option<bool> release = new("--release") { Description = "Release every hold on the snapshot." };
        Option<string> reason = new("--reason") { Description = "Why it is held, for people.", DefaultValueFactory = _ => string.Empty, HelpName = "TEXT" };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("hold", "Hold a snapshot: nothing gives it up until the hold is released.") { repository, id, release, reason, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(id), parsed.GetValue(release), parsed.GetValue(reason)!, parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string id, bool release, string reason, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        int released = 0;
        string? hold = null;
        if (release)
        {
            released = await repository.ReleaseHoldsAsync(id, cancellationToken);
        }
        else
        {
            hold = (await repository.HoldAsync(id, reason, cancellationToken)).Id;
        }

        if (json)
        {
            Report.Json(new HoldAnswer(id, hold, released), AnswerContext.Default.HoldAnswer);
        }
        else
        {
            Console.Out.WriteLine(release ? $"{id}  {released} holds released" : $"{id}  held");
        }

        return ExitCode.Success;
    }
}
