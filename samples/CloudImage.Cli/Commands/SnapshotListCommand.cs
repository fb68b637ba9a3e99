using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Lists snapshots.</summary>
internal static class SnapshotListCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Option<string?> image = new("--image") { Description = "Only the snapshots of this image.", HelpName = "NAME" };
        Option<bool> deleted = new("--deleted") { Description = "Also those that were deleted and not yet collected." };
        Option<bool> interrupted = new("--interrupted") { Description = "Instead of snapshots, captures that run or that died: snapshot create --resume goes on with one." };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("list", "The snapshots of a repository, oldest first.") { repository, image, deleted, interrupted, key, json };
        command.SetAction((parsed, cancellationToken) => parsed.GetValue(interrupted)
            ? RunInterruptedAsync(parsed.GetRequiredValue(repository), parsed.GetValue(key), parsed.GetValue(json), cancellationToken)
            : RunAsync(parsed.GetRequiredValue(repository), parsed.GetValue(image), parsed.GetValue(deleted), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunInterruptedAsync(string path, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        IReadOnlyList<InterruptedCapture> all = await repository.ListInterruptedAsync(cancellationToken);
        List<InterruptedAnswer> answers = [.. all.Select(static capture => new InterruptedAnswer(capture.SessionId, capture.EncodedImage, capture.Writer, capture.OpenedAt))];
        if (json)
        {
            Report.Json(answers, AnswerContext.Default.ListInterruptedAnswer);
        }
        else
        {
            Report.Table(["session", "image", "opened", "by"], answers.Select(static answer => new[] { answer.SessionId, answer.EncodedImage, $"{answer.OpenedAt:u}", answer.Writer }));
        }

        return ExitCode.Success;
    }

    private static async Task<int> RunAsync(string path, string? image, bool deleted, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        IReadOnlyList<SnapshotInfo> all = await repository.ListAsync(deleted, cancellationToken);
        List<SnapshotAnswer> answers = [.. all.Where(snapshot => image is null || snapshot.Image == image).Select(SnapshotAnswer.Of)];
        if (json)
        {
            Report.Json(answers, AnswerContext.Default.ListSnapshotAnswer);
        }
        else
        {
            Report.Table(["id", "image", "no", "taken", "disk", "data", "stored", ""], answers.Select(static answer => new[]
            {
                answer.Id, answer.Image, $"{answer.Sequence}", $"{answer.CreatedAt:u}", ByteText.Format(answer.LogicalBytes), ByteText.Format(answer.DataBytes), ByteText.Format(answer.StoredBytes), answer.IsDeleted ? "deleted" : string.Empty,
            }));
        }

        return ExitCode.Success;
    }
}
