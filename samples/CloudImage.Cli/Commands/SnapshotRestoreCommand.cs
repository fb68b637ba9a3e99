using System;
using System.CommandLine;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Writes a snapshot as an image.</summary>
internal static class SnapshotRestoreCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> id = new("ID") { Description = "The snapshot." };
        Argument<string> destination = new("DESTINATION") { Description = "The new image: a file (replaced when it is complete), a block device, or - for standard output." };
        Option<string?> to = SharedOptions.To();
        Option<string[]> option = SharedOptions.FormatOption();
        Option<string?> compression = SharedOptions.Compression();
        Option<string> durability = SharedOptions.Durability();
        Option<string?> key = SharedOptions.Key();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("restore", "Write a snapshot as an image of any format; every byte is verified on its way.") { repository, id, destination, to, option, compression, durability, key, threads, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            Request request = new(
                parsed.GetRequiredValue(repository),
                parsed.GetRequiredValue(id),
                parsed.GetRequiredValue(destination),
                FormatChoice.ForDestination(parsed.GetValue(to), parsed.GetRequiredValue(destination)),
                parsed.GetValue(option) ?? [],
                parsed.GetValue(compression),
                SharedOptions.ParseDurability(parsed.GetValue(durability)!),
                parsed.GetValue(key),
                parsed.GetValue(threads));
            return RunAsync(request, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        Destinations.ThrowIfShared(request.Destination, json);
        long begun = Stopwatch.GetTimestamp();
        DiskCreateOptions options = FormatChoice.Options(request.Format, request.Settings, request.Compression);
        await using SnapshotRepository repository = await Repositories.OpenAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        await using SnapshotDisk disk = await repository.OpenDiskAsync(request.Id, cancellationToken);
        await Destinations.WriteAsync(disk, request.Destination, options, request.Durability, request.Threads, "restoring", json, cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        if (json)
        {
            Report.Json(new RestoreAnswer(request.Id, request.Destination, request.Format.Name, disk.Length, seconds), AnswerContext.Default.RestoreAnswer);
        }
        else if (request.Destination != Destinations.StandardOutput)
        {
            Console.Out.WriteLine($"{request.Destination}: {request.Format.Name}, {ByteText.Format(disk.Length)}, in {seconds:0.00} s");
        }

        return ExitCode.Success;
    }

    private sealed record Request(
        string Repository,
        string Id,
        string Destination,
        DiskFormat Format,
        System.Collections.Generic.IReadOnlyList<string> Settings,
        string? Compression,
        WriteDurability Durability,
        string? Key,
        int Threads);
}
