using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Cli.Commands;

/// <summary>Gives snapshots up.</summary>
internal static class SnapshotDeleteCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string[]> ids = new("ID") { Description = "The snapshots.", Arity = ArgumentArity.OneOrMore };
        Option<string?> signingKey = SharedOptions.SigningKey();
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("delete", "Give snapshots up. Their space is freed by 'repo gc', and no other snapshot is touched.") { repository, ids, signingKey, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(ids), parsed.GetValue(signingKey), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string[] ids, string? signingKey, string? key, bool json, CancellationToken cancellationToken)
    {
        using SnapshotSigner? signer = SigningKeys.Open(signingKey);
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        List<string> deleted = [];
        foreach (string id in ids)
        {
            await (signer is null ? repository.DeleteAsync(id, cancellationToken) : repository.DeleteAsync(id, signer, cancellationToken));
            deleted.Add(id);
            if (!json)
            {
                Console.Out.WriteLine($"{id}  deleted");
            }
        }

        if (json)
        {
            Report.Json(new DeleteAnswer(deleted), AnswerContext.Default.DeleteAnswer);
        }

        return ExitCode.Success;
    }
}
