using System;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Lists what changed between two snapshots, or writes it as a map, a stream or an overlay.</summary>
internal static class SnapshotDiffCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> older = new("FROM") { Description = "The snapshot to compare from." };
        Argument<string> newer = new("TO") { Description = "The snapshot to compare to." };
        Argument<string?> output = new("OUT") { Description = "With --to, the file to write; - for standard output (map, stream).", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> to = new("--to") { Description = "Write the difference: a change map (JSON), a stream for 'apply', or an overlay over an image of FROM.", HelpName = "map|stream|qcow2|vhd|vhdx" };
        to.AcceptOnlyFromAmong("map", "stream", "qcow2", "vhd", "vhdx");
        Option<string?> backing = new("--backing") { Description = "For an overlay, the image of FROM that it lies over, in the same format; named in the overlay as it is named here.", HelpName = "FILE" };
        Option<string> codec = new("--codec") { Description = "For a stream, how chunks are compressed.", DefaultValueFactory = _ => "lz4", HelpName = "lz4|zstd|none" };
        codec.AcceptOnlyFromAmong("lz4", "zstd", "none");
        Option<string> durability = SharedOptions.Durability();
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("diff", "The ranges of a disk that differ between two snapshots, in units of chunks.") { repository, older, newer, output, to, backing, codec, durability, key, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            Request request = new(
                parsed.GetRequiredValue(repository), parsed.GetRequiredValue(older), parsed.GetRequiredValue(newer), parsed.GetValue(output), parsed.GetValue(to), parsed.GetValue(backing),
                parsed.GetValue(codec)!, SharedOptions.ParseDurability(parsed.GetValue(durability)!), parsed.GetValue(key));
            if ((request.To is null) != (request.Output is null))
            {
                throw new UsageException("--to and OUT belong together.");
            }

            return RunAsync(request, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        BlockMap changed = await repository.DiffAsync(request.Older, request.Newer, cancellationToken);
        if (request.Output is not null)
        {
            Destinations.ThrowIfShared(request.Output, json);
            await WriteAsync(repository, request, changed, json, cancellationToken);
        }

        if (json)
        {
            DiffAnswer answer = new(request.Older, request.Newer, changed.Sum(static extent => extent.Length), [.. changed.Select(static extent => new RangeAnswer(extent.Offset, extent.Length))]);
            Report.Json(answer, AnswerContext.Default.DiffAnswer);
        }
        else if (request.Output is null)
        {
            Report.Table(["start", "length"], changed.Select(static extent => new[] { $"0x{extent.Offset:x}", $"0x{extent.Length:x}" }));
        }
        else if (request.Output != Destinations.StandardOutput)
        {
            Console.Out.WriteLine($"{request.Output}: {request.To}, {ByteText.Format(changed.Sum(static extent => extent.Length))} changed, {ByteText.Format(new FileInfo(request.Output).Length)} written");
        }

        return ExitCode.Success;
    }

    private static async Task WriteAsync(SnapshotRepository repository, Request request, BlockMap changed, bool isQuiet, CancellationToken cancellationToken)
    {
        switch (request.To)
        {
            case "map":
                await WriteFileAsync(request, stream => changed.SaveAsync(stream, cancellationToken), cancellationToken);
                break;
            case "stream":
                await ProgressDisplay.RunAsync("writing changes", isQuiet, progress => WriteFileAsync(
                    request,
                    stream => repository.WriteChangesAsync(request.Older, request.Newer, stream, SharedOptions.ParseCodec(request.Codec), SnapshotProgressAdapter.For(progress), cancellationToken),
                    cancellationToken));
                break;
            default:
                await WriteOverlayAsync(repository, request, isQuiet, cancellationToken);
                break;
        }
    }

    private static async Task WriteFileAsync(Request request, Func<Stream, Task> write, CancellationToken cancellationToken)
    {
        if (request.Output == Destinations.StandardOutput)
        {
            await using Stream output = Console.OpenStandardOutput();
            await write(output);
            return;
        }

        using FileImageSink sink = new(request.Output!, request.Durability);
        await using (SinkStream stream = new(sink))
        {
            await write(stream);
        }

        await sink.CompleteAsync(cancellationToken);
    }

    private static async Task WriteOverlayAsync(SnapshotRepository repository, Request request, bool isQuiet, CancellationToken cancellationToken)
    {
        string backing = request.Backing ?? throw new UsageException("An overlay lies over an image of FROM: name it by --backing.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(request.Output!))!;
        string backingPath = Path.GetFullPath(backing, folder);
        using VirtualDisk parent = DiskImage.Open(backingPath);
        await using SnapshotDisk older = await repository.OpenDiskAsync(request.Older, cancellationToken);
        SnapshotInfo newer = await repository.GetAsync(request.Newer, cancellationToken);
        if (parent.Info.FormatName != request.To || parent.Length < older.Length)
        {
            throw new UsageException($"'{backingPath}' is {parent.Info.FormatName} of {parent.Length} bytes, not an image in {request.To} of the {older.Length} bytes of {request.Older}.");
        }

        DiskReference reference = new(DiskReferenceKind.Parent, backing) { FormatName = request.To, LinkageId = parent.Info.LinkageId };
        DiskCreateOptions options = request.To switch
        {
            "qcow2" => new Qcow2Options { Parent = reference, ParentContent = parent },
            "vhd" => new VhdOptions { Parent = reference },
            _ => new VhdxOptions { Parent = reference },
        };

        // Formats round lengths up: an overlay is as long as what it lies over, unless the disk grew.
        long length = newer.Length <= older.Length ? parent.Length : Math.Max(parent.Length, newer.Length);
        await using DiskWriter writer = DiskImage.Create(request.Output!, length, options, request.Durability);
        await ProgressDisplay.RunAsync("writing changes", isQuiet, async progress =>
        {
            await repository.CopyDifferenceAsync(request.Older, request.Newer, writer, DiskCopyOptions.Default, DiskProgressAdapter.For(progress), cancellationToken);
            await writer.CompleteAsync(cancellationToken);
        });
    }

    private sealed record Request(
        string Repository, string Older, string Newer, string? Output, string? To, string? Backing, string Codec, WriteDurability Durability, string? Key);
}
