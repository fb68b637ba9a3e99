using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Keeps with a snapshot what a reader touches first; lists, shows and drops that.</summary>
internal static class SnapshotTraceCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string?> id = new("ID") { Description = "The snapshot; without it, the snapshots that have a trace are listed.", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> from = new("--from") { Description = $"Keep a trace: a file, or - for standard input, with {TraceSource.Description}.", HelpName = "FILE" };
        Option<string[]> ranges = new("--range") { Description = "Keep a trace: a range that is read, in the order of reading; may be given several times. Sizes as 512, 64k, 1M.", HelpName = ByteRange.Form };
        Option<bool> drop = new("--drop") { Description = "Drop the trace of the snapshot. repo gc frees its space." };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("trace", "What a reader touches first, such as a machine that boots: kept with the snapshot, stored once more in the order of reading, and fetched ahead.")
        {
            repository, id, from, ranges, drop, key, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            Request request = new(
                parsed.GetRequiredValue(repository), parsed.GetValue(id), parsed.GetValue(from), parsed.GetValue(ranges) ?? [], parsed.GetValue(drop), parsed.GetValue(key), parsed.GetValue(json));
            int changes = (request.From is null ? 0 : 1) + (request.Ranges.Length == 0 ? 0 : 1) + (request.Drops ? 1 : 0);
            if (changes > 1 || (changes > 0 && request.Id is null))
            {
                throw new UsageException("--from, --range and --drop each say what becomes of the trace of one snapshot: name its ID, and one of them.");
            }

            return request.Id is null ? ListAsync(request, cancellationToken) : RunAsync(request, request.Id, cancellationToken);
        });
        return command;
    }

    /// <summary>Keeps what a disk noted of its readers, in so far as it lies within the snapshot.</summary>
    public static async Task SaveAsync(SnapshotRepository repository, SnapshotInfo snapshot, IEnumerable<DiskExtent> ranges, CancellationToken cancellationToken)
    {
        List<DiskExtent> within = [];
        long beyond = 0;
        foreach (DiskExtent range in ranges)
        {
            long length = Math.Clamp(snapshot.Length - range.Offset, 0, range.Length);
            beyond += length == range.Length ? 0 : 1;
            if (length > 0)
            {
                within.Add(new DiskExtent(range.Offset, length, DiskExtentKind.Data));
            }
        }

        if (within.Count == 0)
        {
            throw new UsageException($"Nothing of what was read lies within the {snapshot.Length} bytes of the snapshot.");
        }

        if (beyond > 0)
        {
            await Console.Error.WriteLineAsync($"cloudimage: {beyond} ranges end behind the disk, which has {snapshot.Length} bytes; what lies there is left out.");
        }

        await repository.SaveTraceAsync(snapshot.Id, new ReadTrace(within), cancellationToken);
    }

    private static async Task<int> ListAsync(Request request, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        List<KeptTraceAnswer> traces = [.. (await repository.ListTracesAsync(cancellationToken)).Select(static trace =>
            new KeptTraceAnswer(trace.Snapshot.Id, trace.Snapshot.Image, trace.Snapshot.Sequence, trace.StoredBytes))];
        if (request.Json)
        {
            Report.Json(traces, AnswerContext.Default.ListKeptTraceAnswer);
        }
        else
        {
            Report.Table(["id", "image", "no", "stored"], traces.Select(static trace => new[] { trace.Id, trace.Image, $"{trace.Sequence}", ByteText.Format(trace.StoredBytes) }));
        }

        return ExitCode.Success;
    }

    private static async Task<int> RunAsync(Request request, string id, CancellationToken cancellationToken)
    {
        // What cannot be read is told before the repository is asked for anything.
        IReadOnlyList<DiskExtent> wanted = request.From is not null
            ? await TraceSource.ReadAsync(request.From, cancellationToken)
            : [.. request.Ranges.Select(ByteRange.Parse).Select(static range => new DiskExtent(range.Offset, range.Length, DiskExtentKind.Data))];
        await using SnapshotRepository repository = await Repositories.OpenAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        if (request.Drops)
        {
            bool isDropped = await repository.DropTraceAsync(id, cancellationToken);
            if (!request.Json)
            {
                Console.Out.WriteLine($"{id}  {(isDropped ? "the trace is dropped" : "no trace")}");
                return ExitCode.Success;
            }
        }
        else if (wanted.Count > 0)
        {
            await SaveAsync(repository, await repository.GetAsync(id, cancellationToken), wanted, cancellationToken);
        }

        ReadTrace? trace = await repository.FindTraceAsync(id, cancellationToken);
        IReadOnlyList<DiskExtent> kept = trace?.Ranges ?? [];
        if (request.Json)
        {
            Report.Json(new TraceAnswer(id, trace is not null, [.. kept.Select(static range => new RangeAnswer(range.Offset, range.Length))]), AnswerContext.Default.TraceAnswer);
        }
        else if (trace is null)
        {
            Console.Out.WriteLine($"{id}  no trace");
        }
        else
        {
            Report.Table(["start", "length"], kept.Select(static range => new[] { $"0x{range.Offset:x}", $"0x{range.Length:x}" }));
        }

        return ExitCode.Success;
    }

    private sealed record Request(string Repository, string? Id, string? From, string[] Ranges, bool Drops, string? Key, bool Json);
}
