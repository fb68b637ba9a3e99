using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;

namespace CloudImage.Cli.Commands;

/// <summary>Lists what is where.</summary>
internal static class MapCommand
{
    public static Command Create()
    {
        Argument<string> source = new("SOURCE") { Description = "An image: a file, a block device or a URL." };
        Option<string?> from = SharedOptions.From();
        Option<bool> noReferences = SharedOptions.NoReferences();
        Option<string?> snapshot = SharedOptions.InternalSnapshot();
        Option<string?> disk = SharedOptions.DiskName();
        Option<string?> passphrase = SharedOptions.Passphrase();
        Option<bool> force = SharedOptions.Force();
        Option<bool> json = SharedOptions.Json();
        Command command = new("map", "What each range of a disk holds, and where in which file it lies.") { source, from, noReferences, snapshot, disk, passphrase, force, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            string path = parsed.GetRequiredValue(source);
            DiskOpenOptions options = Sources.Options(
                parsed.GetValue(from), parsed.GetValue(noReferences), path, parsed.GetValue(snapshot), parsed.GetValue(disk), parsed.GetValue(passphrase), parsed.GetValue(force));
            return RunAsync(path, options, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(string source, DiskOpenOptions options, bool json, CancellationToken cancellationToken)
    {
        await using VirtualDisk disk = await Sources.OpenAsync(source, options, cancellationToken);
        List<MapAnswer> rows = [];
        foreach (DiskPlacement placement in disk.GetPlacements(0, disk.Length))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Append(rows, placement);
        }

        if (json)
        {
            Report.Json(rows, AnswerContext.Default.ListMapAnswer);
        }
        else
        {
            Report.Table(["start", "length", "kind", "layer", "at"], rows.Select(static row => new[]
            {
                $"0x{row.Start:x}", $"0x{row.Length:x}", row.Kind, $"{row.Depth}", row.Compressed ? "compressed" : row.Offset is { } offset ? $"0x{offset:x}" : "-",
            }));
        }

        return ExitCode.Success;
    }

    // Neighbours are one row where one would read them as one: the same kind in the same layer, and on in the same file.
    private static void Append(List<MapAnswer> rows, DiskPlacement next)
    {
        string kind = next.Kind switch { DiskExtentKind.Data => "data", DiskExtentKind.Zero => "zero", _ => "unmapped" };
        long? offset = next.ContainerOffset >= 0 ? next.ContainerOffset : null;
        if (rows.Count > 0 && rows[^1] is var last && last.Kind == kind && last.Depth == next.Depth && last.Compressed == next.IsCompressed
            && (offset is null ? last.Offset is null : last.Offset + last.Length == offset))
        {
            rows[^1] = last with { Length = last.Length + next.Length };
            return;
        }

        rows.Add(new MapAnswer(next.Offset, next.Length, kind, next.Depth, next.IsCompressed, offset));
    }
}
