using System.CommandLine;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Changes;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Commands;

/// <summary>Makes a snapshot of a stream of changes.</summary>
internal static class SnapshotApplyCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository, which holds the state that the changes lead from." };
        Argument<string> changes = new("CHANGES") { Description = "A stream that 'snapshot diff --to stream' wrote." };
        Option<string> image = new("--image") { Description = "The image that the new snapshot is a state of.", Required = true, HelpName = "NAME" };
        Option<string?> parent = new("--base") { Description = "The snapshot that the changes lead from; found by its root where it is not given.", HelpName = "ID" };
        Option<string?> key = SharedOptions.Key();
        Option<string> durability = SharedOptions.Durability();
        Option<bool> json = SharedOptions.Json();
        Command command = new("apply", "Make a snapshot of a stream of changes, here or far from where it was written.") { repository, changes, image, parent, key, durability, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            CaptureOptions options = new()
            {
                Image = parsed.GetRequiredValue(image),
                Parent = parsed.GetValue(parent) is { } id ? SnapshotParent.Of(id) : SnapshotParent.Latest,
            };
            return RunAsync(
                parsed.GetRequiredValue(repository), parsed.GetRequiredValue(changes), options, parsed.GetValue(key), SharedOptions.ParseDurability(parsed.GetValue(durability)!), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(string path, string stream, CaptureOptions options, string? key, WriteDurability durability, bool json, CancellationToken cancellationToken)
    {
        long begun = Stopwatch.GetTimestamp();
        CaptureResult result = null!;
        (SnapshotRepository repository, CountingObjectStore store) = await Repositories.OpenCountedAsync(path, key, durability, cancellationToken);
        await using SnapshotRepository owned = repository;
        await using ChangeStreamDisk changes = ChangeStreamDisk.Open(stream);
        await ProgressDisplay.RunAsync("applying", json, async progress =>
            result = await repository.ApplyChangesAsync(changes, options, SnapshotProgressAdapter.For(progress), cancellationToken));
        SnapshotCreateCommand.Tell(result, Stopwatch.GetElapsedTime(begun).TotalSeconds, RequestsAnswer.Of(store), json);
        return ExitCode.Success;
    }
}
