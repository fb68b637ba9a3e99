using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Keeps with a snapshot what a reader touches first, and shows it.</summary>
internal static class SnapshotTraceCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> id = new("ID") { Description = "The snapshot." };
        Option<string[]> ranges = new("--range") { Description = "Keep a trace: a range that is read, in the order of reading; may be given several times. Sizes as 512, 64k, 1M.", HelpName = ByteRange.Form };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("trace", "What a reader touches first, such as a machine that boots: kept with the snapshot, stored once more in the order of reading, and fetched ahead.") { repository, id, ranges, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(id), parsed.GetValue(ranges) ?? [], parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string id, string[] ranges, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        if (ranges.Length > 0)
        {
            await repository.SaveTraceAsync(id, new ReadTrace(ranges.Select(ByteRange.Parse).Select(static range => new DiskExtent(range.Offset, range.Length, DiskExtentKind.Data))), cancellationToken);
        }

        ReadTrace? trace = await repository.FindTraceAsync(id, cancellationToken);
        IReadOnlyList<DiskExtent> kept = trace?.Ranges ?? [];
        if (json)
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
}
