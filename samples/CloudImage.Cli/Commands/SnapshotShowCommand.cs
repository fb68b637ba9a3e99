using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Commands;

/// <summary>Shows one snapshot.</summary>
internal static class SnapshotShowCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> id = new("ID") { Description = "The snapshot." };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("show", "What is known of one snapshot.") { repository, id, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(id), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string id, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        SnapshotAnswer answer = SnapshotAnswer.Of(await repository.GetAsync(id, cancellationToken));
        if (json)
        {
            Report.Json(answer, AnswerContext.Default.SnapshotAnswer);
        }
        else
        {
            Report.Fields(
                ("snapshot", answer.Id),
                ("image", $"{answer.Image} #{answer.Sequence}"),
                ("taken", $"{answer.CreatedAt:u}"),
                ("parent", answer.Parent),
                ("disk", ByteText.Exact(answer.LogicalBytes)),
                ("data", ByteText.Format(answer.DataBytes)),
                ("stored", ByteText.Exact(answer.StoredBytes)),
                ("codec", answer.Codec),
                ("root", answer.Root),
                ("tags", string.Join(", ", answer.Tags.Select(static tag => tag.Value.Length == 0 ? tag.Key : $"{tag.Key}={tag.Value}"))),
                ("kind", answer.IsLayer ? "layer" : null),
                ("state", answer.IsDeleted ? "deleted" : null));
        }

        return ExitCode.Success;
    }
}
