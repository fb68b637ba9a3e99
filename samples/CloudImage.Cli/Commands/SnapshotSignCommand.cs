using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Cli.Commands;

/// <summary>Signs a snapshot that stands.</summary>
internal static class SnapshotSignCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> id = new("ID") { Description = "The snapshot." };
        Option<string> signingKey = new("--signing-key") { Description = $"The private key: PEM text with {SigningKeys.Kinds}.", Required = true, HelpName = "env:NAME|file:PATH" };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("sign", "Sign a snapshot: root, length, image, number and time.") { repository, id, signingKey, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(id), parsed.GetRequiredValue(signingKey), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string id, string signingKey, string? key, bool json, CancellationToken cancellationToken)
    {
        using SnapshotSigner signer = SigningKeys.Open(signingKey)!;
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        bool isNew = await repository.SignAsync(id, signer, cancellationToken);
        if (json)
        {
            Report.Json(new SignAnswer(id, signer.PublicKey.Algorithm, signer.PublicKey.Id, isNew), AnswerContext.Default.SignAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{id}  {(isNew ? "signed" : "was signed already")} by {signer.PublicKey.Algorithm} key {signer.PublicKey.Id}");
        }

        return ExitCode.Success;
    }
}
