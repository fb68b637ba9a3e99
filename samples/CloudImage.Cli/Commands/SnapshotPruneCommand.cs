using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Retention;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Cli.Commands;

/// <summary>Gives snapshots up by a policy.</summary>
internal static class SnapshotPruneCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Option<string[]> images = new("--image") { Description = "An image to prune; may be given several times. Without it all are pruned, each by itself.", HelpName = "NAME" };
        Option<int> last = Count("--keep-last", "Keep the newest N snapshots.");
        Option<int> hourly = Count("--keep-hourly", "Keep the newest snapshot of each of N hours.");
        Option<int> daily = Count("--keep-daily", "Keep the newest snapshot of each of N days.");
        Option<int> weekly = Count("--keep-weekly", "Keep the newest snapshot of each of N weeks.");
        Option<int> monthly = Count("--keep-monthly", "Keep the newest snapshot of each of N months.");
        Option<int> yearly = Count("--keep-yearly", "Keep the newest snapshot of each of N years.");
        Option<string?> within = new("--keep-within") { Description = "Keep what is at most this much older than the newest: 36h, 7d, 4w.", HelpName = "TIME" };
        Option<string[]> tags = new("--keep-tag") { Description = "Keep snapshots with this tag; may be given several times.", HelpName = "KEY[=VALUE]" };
        Option<string?> minimumAge = new("--min-age") { Description = "Drop nothing that is younger than this, whatever the rules say.", HelpName = "TIME" };
        Option<int> share = new("--max-drop") { Description = "Drop nothing where more than this share of an image would go, in percent.", DefaultValueFactory = _ => 90, HelpName = "PERCENT" };
        Option<bool> confirm = new("--yes") { Description = "The plan was looked at: drop even more than --max-drop." };
        Option<bool> dryRun = new("--dry-run") { Description = "Tell what would be kept and dropped, and why; change nothing." };
        Option<string?> signingKey = SharedOptions.SigningKey();
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("prune", "Give snapshots up by a policy: what no rule keeps goes. Held snapshots stay. Space is freed by 'repo gc'.")
        {
            repository, images, last, hourly, daily, weekly, monthly, yearly, within, tags, minimumAge, share, confirm, dryRun, signingKey, key, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            Request request = new(
                parsed.GetRequiredValue(repository),
                parsed.GetValue(images) ?? [],
                new RetentionPolicy
                {
                    KeepLast = parsed.GetValue(last),
                    KeepHourly = parsed.GetValue(hourly),
                    KeepDaily = parsed.GetValue(daily),
                    KeepWeekly = parsed.GetValue(weekly),
                    KeepMonthly = parsed.GetValue(monthly),
                    KeepYearly = parsed.GetValue(yearly),
                    KeepWithin = ParseTime(parsed.GetValue(within)),
                    KeepTags = parsed.GetValue(tags) ?? [],
                    MinimumAge = ParseTime(parsed.GetValue(minimumAge)),
                },
                parsed.GetValue(share) / 100.0,
                parsed.GetValue(confirm),
                parsed.GetValue(signingKey),
                parsed.GetValue(dryRun),
                parsed.GetValue(key));
            return RunAsync(request, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(request.Repository, request.Key, WriteDurability.Flush, cancellationToken);
        foreach (string image in request.Images)
        {
            if (await repository.FindLatestAsync(image, cancellationToken) is null)
            {
                throw new UsageException($"There is no snapshot of an image '{image}'.");
            }
        }

        RetentionPlan plan = await repository.PlanRetentionAsync(request.Policy, request.Images, cancellationToken);
        using SnapshotSigner? signer = SigningKeys.Open(request.SigningKey);
        PruneOptions options = new() { MaxDroppedShare = request.MaxDroppedShare, IsConfirmed = request.IsConfirmed, Signer = signer };
        IReadOnlyList<SnapshotInfo> dropped = request.IsDryRun ? [] : await repository.PruneAsync(plan, options, cancellationToken);
        if (json)
        {
            PruneAnswer answer = new(request.IsDryRun, plan.KeptCount, plan.DroppedCount, [.. dropped.Select(static snapshot => snapshot.Id)], [.. plan.Decisions.Select(static decision => new PruneDecisionAnswer(
                decision.Snapshot.Id, decision.Snapshot.Image, decision.Snapshot.Sequence, decision.Snapshot.CreatedAt, decision.IsKept, [.. decision.Reasons.Select(static reason => reason.Description)]))]);
            Report.Json(answer, AnswerContext.Default.PruneAnswer);
            return ExitCode.Success;
        }

        Report.Table(["id", "image", "no", "taken", "", "why"], plan.Decisions.Select(static decision => new[]
        {
            decision.Snapshot.Id, decision.Snapshot.Image, $"{decision.Snapshot.Sequence}", $"{decision.Snapshot.CreatedAt:u}", decision.IsKept ? "keep" : "drop", string.Join("; ", decision.Reasons),
        }));
        Console.Out.WriteLine(request.IsDryRun
            ? $"{plan.KeptCount} would be kept, {plan.DroppedCount} would be dropped; nothing was changed"
            : $"{plan.Decisions.Count - dropped.Count} kept, {dropped.Count} dropped");
        return ExitCode.Success;
    }

    private static Option<int> Count(string name, string description)
    {
        Option<int> option = new(name) { Description = description, HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) && value < 0)
            {
                result.AddError($"{name} takes a number from 0.");
            }
        });
        return option;
    }

    private static TimeSpan ParseTime(string? text)
    {
        if (text is null)
        {
            return TimeSpan.Zero;
        }

        double hours = text.Length == 0 ? 0 : char.ToLowerInvariant(text[^1]) switch
        {
            'h' => 1,
            'd' => 24,
            'w' => 24 * 7,
            _ => 0,
        };
        return hours > 0 && double.TryParse(text.AsSpan(..^1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count) && count * hours < 24 * 365 * 1000
            ? TimeSpan.FromHours(count * hours)
            : throw new UsageException($"'{text}' is not a time; write a number with h, d or w behind it.");
    }

    private sealed record Request(string Repository, string[] Images, RetentionPolicy Policy, double MaxDroppedShare, bool IsConfirmed, string? SigningKey, bool IsDryRun, string? Key);
}
