using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Signing;

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
        Option<string?> expectHead = new("--expect-head") { Description = "The newest snapshot that was seen before. Exit code 1 where it is gone, or a number of its image's sequence is not explained.", HelpName = "ID" };
        Option<string[]> verifyKeys = SharedOptions.VerifyKeys();
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("list", "The snapshots of a repository, oldest first.") { repository, image, deleted, interrupted, expectHead, verifyKeys, key, json };
        command.SetAction((parsed, cancellationToken) => parsed.GetValue(interrupted)
            ? RunInterruptedAsync(parsed.GetRequiredValue(repository), parsed.GetValue(key), parsed.GetValue(json), cancellationToken)
            : RunAsync(
                new Request(
                    parsed.GetRequiredValue(repository), parsed.GetValue(image), parsed.GetValue(deleted), parsed.GetValue(expectHead), SigningKeys.Load(parsed.GetValue(verifyKeys)), parsed.GetValue(key)),
                parsed.GetValue(json),
                cancellationToken));
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

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        IReadOnlyList<SnapshotInfo> all = await repository.ListAsync(request.IncludeDeleted, cancellationToken);
        List<SnapshotAnswer> answers = [];
        foreach (SnapshotInfo snapshot in all.Where(snapshot => request.Image is null || snapshot.Image == request.Image))
        {
            string? signature = request.Trusted.Count == 0 ? null : $"{await repository.CheckSignatureAsync(snapshot.Id, request.Trusted, cancellationToken)}";
            answers.Add(SnapshotAnswer.Of(snapshot, signature));
        }

        if (json)
        {
            Report.Json(answers, AnswerContext.Default.ListSnapshotAnswer);
        }
        else
        {
            Report.Table(["id", "image", "no", "taken", "disk", "data", "stored", ""], answers.Select(static answer => new[]
            {
                answer.Id, answer.Image, $"{answer.Sequence}", $"{answer.CreatedAt:u}", ByteText.Format(answer.LogicalBytes), ByteText.Format(answer.DataBytes), ByteText.Format(answer.StoredBytes),
                $"{(answer.IsDeleted ? "deleted " : string.Empty)}{answer.Signature}",
            }));
        }

        return await IsExplainedAsync(repository, request, all, cancellationToken) ? ExitCode.Success : ExitCode.No;
    }

    // A gap in the numbers of an image is explained by a record of who gave the snapshot up, or nothing explains it. Told on standard error.
    private static async Task<bool> IsExplainedAsync(SnapshotRepository repository, Request request, IReadOnlyList<SnapshotInfo> all, CancellationToken cancellationToken)
    {
        if (request.ExpectedHead is null && request.Trusted.Count == 0)
        {
            return true;
        }

        string? image = request.Image;
        if (image is null && request.ExpectedHead is not null)
        {
            try
            {
                image = (await repository.GetAsync(request.ExpectedHead, cancellationToken)).Image;
            }
            catch (SnapshotNotFoundException exception)
            {
                await Console.Error.WriteLineAsync($"cloudimage: {exception.Message} It was seen before: the repository was put back or cut off.");
                return false;
            }
        }

        bool isExplained = true;
        foreach (string name in image is not null ? [image] : all.Select(static snapshot => snapshot.Image).Distinct())
        {
            SequenceAudit audit = await repository.AuditAsync(name, request.Trusted, request.ExpectedHead, cancellationToken);
            isExplained &= audit.IsWhole;
            foreach (string problem in audit.Problems)
            {
                await Console.Error.WriteLineAsync($"cloudimage: {problem}");
            }
        }

        return isExplained;
    }

    private sealed record Request(string Repository, string? Image, bool IncludeDeleted, string? ExpectedHead, IReadOnlyList<SnapshotSignatureKey> Trusted, string? Key);
}
