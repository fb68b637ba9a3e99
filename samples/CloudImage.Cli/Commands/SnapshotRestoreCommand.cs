using System;
using System.CommandLine;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Commands;

/// <summary>Writes a snapshot as an image.</summary>
internal static class SnapshotRestoreCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> id = new("ID") { Description = "The snapshot." };
        Argument<string> destination = new("DESTINATION") { Description = "The new image: a file (replaced when it is complete), a block device, ebs://new?region=R, or - for standard output." };
        Option<bool> inPlace = new("--in-place") { Description = "Make an existing raw file or block device hold the snapshot, writing only what differs. Until it is done the target is a mixture, which nothing else opens." };
        Option<string?> range = new("--range") { Description = "Restore this range of the disk alone, in bytes or with k, M, G or T behind a number.", HelpName = ByteRange.Form };
        Option<bool> recordTrace = new("--record-trace") { Description = "Keep what is read, in the order of reading, as the snapshot's trace: see snapshot trace." };
        Option<string?> to = SharedOptions.To();
        Option<string[]> option = SharedOptions.FormatOption();
        Option<string?> compression = SharedOptions.Compression();
        Option<string> durability = SharedOptions.Durability();
        Option<string?> key = SharedOptions.Key();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("restore", "Write a snapshot as an image of any format; every byte is verified on its way.") { repository, id, destination, inPlace, range, recordTrace, to, option, compression, durability, key, threads, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            Request request = new(
                parsed.GetRequiredValue(repository),
                parsed.GetRequiredValue(id),
                parsed.GetRequiredValue(destination),
                parsed.GetValue(inPlace) ? RawFormat.Instance : FormatChoice.ForDestination(parsed.GetValue(to), parsed.GetRequiredValue(destination)),
                parsed.GetValue(option) ?? [],
                parsed.GetValue(compression),
                SharedOptions.ParseDurability(parsed.GetValue(durability)!),
                parsed.GetValue(key),
                parsed.GetValue(threads),
                parsed.GetValue(recordTrace));
            if (!parsed.GetValue(inPlace))
            {
                return RunAsync(request, parsed.GetValue(range) is { } part ? ByteRange.Parse(part) : null, parsed.GetValue(json), cancellationToken);
            }

            bool isRaw = parsed.GetValue(to) is null or "raw" && request.Settings.Count == 0 && request.Compression is null && parsed.GetValue(range) is null && !request.RecordsTrace;
            return isRaw
                ? RunInPlaceAsync(request, parsed.GetValue(json), cancellationToken)
                : throw new UsageException("--in-place writes the whole disk into a raw file or block device; it goes with no format, option, compression, range or trace.");
        });
        return command;
    }

    private static async Task<int> RunInPlaceAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        long begun = Stopwatch.GetTimestamp();
        long written = 0;
        (SnapshotRepository repository, CountingObjectStore store) = await Repositories.OpenCountedAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        await using SnapshotRepository owned = repository;
        SnapshotInfo snapshot = await repository.GetAsync(request.Id, cancellationToken);
        await ProgressDisplay.RunAsync("restoring", json, async progress =>
            written = await repository.RestoreInPlaceAsync(request.Id, request.Destination, SnapshotProgressAdapter.For(progress), cancellationToken));
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        if (json)
        {
            Report.Json(new RestoreAnswer(request.Id, request.Destination, request.Format.Name, snapshot.Length, written, seconds, RequestsAnswer.Of(store)), AnswerContext.Default.RestoreAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{request.Destination}: in place, {ByteText.Format(written)} of {ByteText.Format(snapshot.Length)} written, in {seconds:0.00} s");
        }

        return ExitCode.Success;
    }

    private static async Task<int> RunAsync(Request request, ByteRange? range, bool json, CancellationToken cancellationToken)
    {
        Destinations.ThrowIfShared(request.Destination, json);
        long begun = Stopwatch.GetTimestamp();
        DiskCreateOptions options = FormatChoice.Options(request.Format, request.Settings, request.Compression);
        (SnapshotRepository repository, CountingObjectStore store) = await Repositories.OpenCountedAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        await using SnapshotRepository owned = repository;
        await using SnapshotDisk whole = await repository.OpenDiskAsync(request.Id, new SnapshotDiskOptions { RecordTrace = request.RecordsTrace }, cancellationToken);
        await using VirtualDisk disk = Slice(whole, range);
        string name = await Destinations.WriteAsync(disk, request.Destination, options, request.Durability, request.Threads, "restoring", json, cancellationToken);
        if (request.RecordsTrace)
        {
            await SnapshotTraceCommand.SaveAsync(repository, whole.Snapshot, whole.GetTrace().Ranges, cancellationToken);
        }

        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        if (json)
        {
            Report.Json(new RestoreAnswer(request.Id, name, request.Format.Name, disk.Length, null, seconds, RequestsAnswer.Of(store)), AnswerContext.Default.RestoreAnswer);
        }
        else if (request.Destination != Destinations.StandardOutput)
        {
            Console.Out.WriteLine($"{name}: {request.Format.Name}, {ByteText.Format(disk.Length)}, in {seconds:0.00} s");
        }

        return ExitCode.Success;
    }

    private static VirtualDisk Slice(SnapshotDisk disk, ByteRange? range)
    {
        if (range is not { } part)
        {
            return disk;
        }

        return part.Offset <= disk.Length && part.Length <= disk.Length - part.Offset
            ? disk.Slice(part.Offset, part.Length)
            : throw new UsageException($"The range is not within the disk, which has {disk.Length} bytes.");
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
        int Threads,
        bool RecordsTrace);
}
