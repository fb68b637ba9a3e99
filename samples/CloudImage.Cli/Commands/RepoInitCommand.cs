using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Commands;

/// <summary>Makes an empty repository.</summary>
internal static class RepoInitCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "A folder, made if it is not there." };
        Option<string> chunkSize = new("--chunk-size") { Description = "Size of the chunks of a disk: 64k, 128k, 256k, ... 4M.", DefaultValueFactory = _ => "256k", HelpName = "SIZE" };
        Option<string> digest = new("--digest") { Description = "The digest that chunks are named by.", DefaultValueFactory = _ => "blake3", HelpName = "blake3|sha256" };
        digest.AcceptOnlyFromAmong("blake3", "sha256");
        Option<string> encryption = new("--encryption") { Description = "Whether everything stored is encrypted, with --key.", DefaultValueFactory = _ => "none", HelpName = "none|aes256gcm" };
        encryption.AcceptOnlyFromAmong("none", "aes256gcm");
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("init", "Make an empty repository.") { repository, chunkSize, digest, encryption, key, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            bool isEncrypted = parsed.GetValue(encryption) == "aes256gcm";
            if (isEncrypted != parsed.GetValue(key) is not null)
            {
                throw new UsageException(isEncrypted ? "An encrypted repository needs --key." : "--key is of no use without --encryption aes256gcm.");
            }

            return RunAsync(
                parsed.GetRequiredValue(repository),
                checked((int)ByteText.Parse(parsed.GetValue(chunkSize)!)),
                parsed.GetValue(digest) == "sha256" ? ContentHashAlgorithm.Sha256 : ContentHashAlgorithm.Blake3,
                parsed.GetValue(key),
                parsed.GetValue(json),
                cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(string path, int chunkSize, ContentHashAlgorithm algorithm, string? key, bool json, CancellationToken cancellationToken)
    {
        using KeyProvider? holder = key is null ? null : Keys.Open(key);
        SnapshotRepositoryOptions options = new()
        {
            ChunkSize = chunkSize,
            Digest = algorithm,
            Encryption = holder is null ? RepositoryEncryption.None : RepositoryEncryption.Aes256Gcm,
            Keys = holder is null ? [] : [holder],
        };
        await using ObjectStore store = Repositories.OpenStore(path, WriteDurability.Flush);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, options, cancellationToken);
        string digest = repository.Digest == ContentHashAlgorithm.Sha256 ? "sha256" : "blake3";
        if (json)
        {
            Report.Json(new RepoInitAnswer(path, repository.ChunkSize, digest, holder is null ? "none" : "aes256gcm"), AnswerContext.Default.RepoInitAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{path}: an empty repository, chunks of {ByteText.Format(repository.ChunkSize)} named by {digest}, {(holder is null ? "not encrypted" : "encrypted with AES-256-GCM")}");
        }

        return ExitCode.Success;
    }
}
