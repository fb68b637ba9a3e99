using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;

namespace CloudImage.Cli.Commands;

/// <summary>Tells what an image is, from its headers alone.</summary>
internal static class InfoCommand
{
    public static Command Create()
    {
        Argument<string> source = new("SOURCE") { Description = "An image: a file, a block device or a URL." };
        Option<string?> from = SharedOptions.From();
        Option<string?> disk = SharedOptions.DiskName();
        Option<bool> noReferences = SharedOptions.NoReferences();
        Option<bool> force = SharedOptions.Force();
        Option<bool> json = SharedOptions.Json();
        Command command = new("info", "What an image is: format, sizes, references, features, and every reason for distrust. Reads headers only and opens no other file.") { source, from, disk, noReferences, force, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(source), parsed.GetValue(from), parsed.GetValue(disk), parsed.GetValue(force), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string source, string? from, string? disk, bool force, bool json, CancellationToken cancellationToken)
    {
        DiskOpenOptions options = Sources.Options(from, noReferences: true, source, diskName: disk, force: force);
        DiskInspection inspection = await Sources.InspectAsync(source, options, cancellationToken);
        InfoAnswer answer = Describe(inspection, Sources.AllocatedBytes(source));
        if (json)
        {
            Report.Json(answer, AnswerContext.Default.InfoAnswer);
        }
        else
        {
            Print(source, answer);
        }

        return inspection.Info is null ? ExitCode.Failure : ExitCode.Success;
    }

    private static InfoAnswer Describe(DiskInspection inspection, long? allocated)
    {
        DiskInfo? info = inspection.Info;
        return new InfoAnswer(
            inspection.Format?.Name,
            info?.Variant,
            info?.VirtualSize,
            info?.ContainerLength,
            allocated,
            info?.AllocationUnitSize,
            info?.LogicalSectorSize,
            info?.PhysicalSectorSize,
            info?.Creator,
            info?.LinkageId,
            info?.IsDirty ?? false,
            info?.IsEncrypted ?? false,
            inspection.IsConsistent,
            inspection.IsSafe,
            [.. (info?.References ?? []).Select(static reference => new ReferenceAnswer(reference.Kind == DiskReferenceKind.Parent ? "parent" : "data", reference.Name, reference.FormatName))],
            info?.Features ?? [],
            [.. (info?.Snapshots ?? []).Select(static snapshot => new InternalSnapshotAnswer(snapshot.Id, snapshot.Name, snapshot.VirtualSize, snapshot.CreatedAt))],
            [.. (info?.Bitmaps ?? []).Select(static bitmap => new BitmapAnswer(bitmap.Name, bitmap.Granularity, bitmap.IsEnabled, bitmap.IsInconsistent))],
            [.. inspection.Concerns.Select(static concern => new ConcernAnswer(concern.Code, concern.Message))],
            info?.Details ?? new System.Collections.Generic.Dictionary<string, string>());
    }

    private static void Print(string source, InfoAnswer answer)
    {
        Report.Fields(
            ("image", Path.GetFileName(source)),
            ("format", answer.Variant is null ? answer.Format : $"{answer.Format} ({answer.Variant})"),
            ("virtual size", answer.VirtualSize is { } size ? ByteText.Exact(size) : null),
            ("file length", answer.ContainerLength is { } length ? ByteText.Exact(length) : null),
            ("on disk", answer.StoredOnDisk is { } stored ? ByteText.Format(stored) : null),
            ("allocation unit", answer.AllocationUnitSize is { } unit and > 0 ? ByteText.Format(unit) : null),
            ("sectors", answer.LogicalSectorSize is { } logical ? $"{logical} bytes logical, {answer.PhysicalSectorSize} physical" : null),
            ("made by", answer.Creator),
            ("linkage id", answer.LinkageId),
            ("features", string.Join(", ", answer.Features)),
            ("state", answer.IsDirty ? "not closed in order" : null),
            ("encryption", answer.IsEncrypted ? "encrypted" : null));
        foreach (ReferenceAnswer reference in answer.References)
        {
            Report.Fields((reference.Kind == "parent" ? "parent" : "data file", $"{reference.Name} ({reference.Format ?? "no format declared"})"));
        }

        foreach (InternalSnapshotAnswer snapshot in answer.Snapshots)
        {
            Report.Fields(("snapshot", $"{snapshot.Tag} '{snapshot.Name}', {ByteText.Format(snapshot.VirtualSize)}, {snapshot.CreatedAt:u}"));
        }

        foreach (BitmapAnswer bitmap in answer.Bitmaps)
        {
            Report.Fields(("bitmap", $"'{bitmap.Name}', {ByteText.Format(bitmap.Granularity)} a bit{(bitmap.IsInconsistent ? ", inconsistent" : string.Empty)}"));
        }

        foreach ((string name, string value) in answer.Details)
        {
            Report.Fields((name, value));
        }

        foreach (ConcernAnswer concern in answer.Concerns)
        {
            Report.Fields(("concern", $"{concern.Code}: {concern.Message}"));
        }
    }
}
