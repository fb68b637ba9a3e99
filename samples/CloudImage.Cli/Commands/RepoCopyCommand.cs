using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Replication;

namespace CloudImage.Cli.Commands;

/// <summary>Copies what other repositories lack into them.</summary>
internal static class RepoCopyCommand
{
    public static Command Create()
    {
        Argument<string> source = new("SOURCE") { Description = "The repository to copy from." };
        Argument<string[]> destinations = new("DEST") { Description = "Repositories to copy to, made by 'repo init', best with --like SOURCE.", Arity = ArgumentArity.OneOrMore };
        Option<string[]> images = new("--image") { Description = "Copy only this image's snapshots; may be given several times.", HelpName = "NAME" };
        Option<string[]> ids = new("--snapshot") { Description = "Copy only this snapshot; may be given several times.", HelpName = "ID" };
        Option<string?> key = SharedOptions.Key();
        Option<string?> destinationKey = new("--destination-key") { Description = "Key of the destinations, where it is not that of the source.", HelpName = "env:NAME|file:PATH|cert:PATH|argon2:..." };
        Option<string> durability = SharedOptions.Durability();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("copy", "Copy snapshots that other repositories lack: only missing chunks travel, the source is read once, and an interrupted copy goes on where it ended.")
        {
            source, destinations, images, ids, key, destinationKey, durability, threads, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            Request request = new(
                parsed.GetRequiredValue(source),
                parsed.GetRequiredValue(destinations),
                new ReplicationOptions { Images = parsed.GetValue(images) ?? [], SnapshotIds = parsed.GetValue(ids) ?? [], Concurrency = parsed.GetValue(threads) },
                parsed.GetValue(key),
                parsed.GetValue(destinationKey) ?? parsed.GetValue(key),
                SharedOptions.ParseDurability(parsed.GetValue(durability)!));
            return RunAsync(request, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        long begun = Stopwatch.GetTimestamp();
        await using SnapshotRepository source = await Repositories.OpenAsync(request.Source, request.Key, WriteDurability.Flush, cancellationToken);
        List<SnapshotRepository> destinations = [];
        ReplicationResult result = null!;
        try
        {
            foreach (string destination in request.Destinations)
            {
                destinations.Add(await Repositories.OpenAsync(destination, request.DestinationKey, request.Durability, cancellationToken));
            }

            await ProgressDisplay.RunAsync("copying", json, async progress =>
                result = await source.CopyToAsync(destinations, request.Options, SnapshotProgressAdapter.For(progress), cancellationToken));
        }
        finally
        {
            foreach (SnapshotRepository destination in destinations)
            {
                await destination.DisposeAsync();
            }
        }

        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        if (json)
        {
            Report.Json(new CopyAnswer(result.ReadBytes, seconds, [.. request.Destinations.Zip(result.Destinations, Describe)]), AnswerContext.Default.CopyAnswer);
            return ExitCode.Success;
        }

        foreach ((string name, ReplicationDestination destination) in request.Destinations.Zip(result.Destinations))
        {
            foreach (ReplicatedSnapshot copied in destination.Copied)
            {
                Console.Out.WriteLine($"{copied.Source.Id}  {copied.Source.Image} #{copied.Source.Sequence} -> {name}: {copied.Copy.Id}");
            }

            Console.Out.WriteLine($"{name}: {destination.Copied.Count} copied, {destination.PresentCount} there already; {destination.ChunkCount} chunks, {ByteText.Format(destination.FrameBytes)}");
        }

        Console.Out.WriteLine($"{ByteText.Format(result.ReadBytes)} read, in {seconds:0.00} s");
        return ExitCode.Success;
    }

    private static CopyDestinationAnswer Describe(string name, ReplicationDestination destination) => new(
        name, destination.PresentCount, destination.ChunkCount, destination.FrameBytes, destination.StoredBytes,
        [.. destination.Copied.Select(static copied => new CopiedAnswer(copied.Copy.Id, copied.Source.Id, copied.Copy.Image, copied.Copy.Sequence))]);

    private sealed record Request(string Source, string[] Destinations, ReplicationOptions Options, string? Key, string? DestinationKey, WriteDurability Durability);
}
