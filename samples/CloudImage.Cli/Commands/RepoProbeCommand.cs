using System.CommandLine;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Commands;

/// <summary>Tries whether a store can carry a shared repository.</summary>
internal static class RepoProbeCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "Where a repository is, or is to be." };
        Option<bool> json = SharedOptions.Json();
        Command command = new("probe", "What a store can do, and whether it keeps what a repository needs that several machines share. Exit code 1 when it does not.") { repository, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetRequiredValue(repository), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string place, bool json, CancellationToken cancellationToken)
    {
        await using CountingObjectStore store = new(await Stores.OpenAsync(place, WriteDurability.Flush, cancellationToken));
        StoreProbeResult result = await SnapshotRepository.ProbeAsync(store, cancellationToken);
        ObjectStoreCapabilities can = store.Capabilities;
        bool isSafe = result.IsSafe && can.HasAtomicCreate && can.HasConsistentLists;
        if (json)
        {
            Report.Json(
                new ProbeAnswer(
                    isSafe, result.RefusesSecondCreate, result.HasOneWinner, result.ShowsCreations, result.ShowsDeletions, store.Location, can.Service, can.HasAtomicCreate,
                    can.AtomicCreateReason, can.HasConsistentLists, can.StreamsUploads, can.ChecksumKind.ToString(), can.MaximumObjectLength, can.PreferredConcurrency,
                    RequestsAnswer.Of(store)),
                AnswerContext.Default.ProbeAnswer);
        }
        else
        {
            Report.Fields(
                ("store", store.Location),
                ("service", can.Service),
                ("atomic creation", Promise(can.HasAtomicCreate, can.AtomicCreateReason)),
                ("consistent lists", Promise(can.HasConsistentLists, null)),
                ("checksums", can.ChecksumKind == ObjectChecksumKind.None ? "none kept" : can.ChecksumKind.ToString()),
                ("longest object", can.MaximumObjectLength == long.MaxValue ? "any" : ByteText.Format(can.MaximumObjectLength)),
                ("requests at once", can.PreferredConcurrency.ToString(CultureInfo.InvariantCulture)),
                ("second create", Tell(result.RefusesSecondCreate, "refused")),
                ("race to create", Tell(result.HasOneWinner, "one winner")),
                ("after a create", Tell(result.ShowsCreations, "listed and read")),
                ("after a delete", Tell(result.ShowsDeletions, "gone")),
                ("requests", RequestsAnswer.Of(store).ToString()),
                ("verdict", isSafe ? "any number of writers and collectors may share it" : "AGE-BASED: collected by the clock, and not safe against captures of more than three days"));
        }

        return isSafe ? ExitCode.Success : ExitCode.No;
    }

    private static string Promise(bool isPromised, string? reason) => reason is null ? (isPromised ? "yes" : "NO") : $"{(isPromised ? "yes" : "NO")}. {reason}";

    private static string Tell(bool isKept, string what) => isKept ? what : $"NOT {what}";
}
