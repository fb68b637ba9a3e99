using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Lists what changed between two snapshots.</summary>
internal static class SnapshotDiffCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> older = new("FROM") { Description = "The snapshot to compare from." };
        Argument<string> newer = new("TO") { Description = "The snapshot to compare to." };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("diff", "The ranges of a disk that differ between two snapshots, in units of chunks.") { repository, older, newer, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(older), parsed.GetRequiredValue(newer), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string older, string newer, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        BlockMap changed = await repository.DiffAsync(older, newer, cancellationToken);
        if (json)
        {
            DiffAnswer answer = new(older, newer, changed.Sum(static extent => extent.Length), [.. changed.Select(static extent => new RangeAnswer(extent.Offset, extent.Length))]);
            Report.Json(answer, AnswerContext.Default.DiffAnswer);
        }
        else
        {
            Report.Table(["start", "length"], changed.Select(static extent => new[] { $"0x{extent.Offset:x}", $"0x{extent.Length:x}" }));
        }

        return ExitCode.Success;
    }
}
