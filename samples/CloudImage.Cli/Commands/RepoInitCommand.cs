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
        Option<string?> like = new("--like") { Description = "Make it after another repository, with its chunk size, digest and keys, so that 'repo copy' moves chunks as they are.", HelpName = "REPO" };
        Option<bool> json = SharedOptions.Json();
        Command command = new("init", "Make an empty repository.") { repository, chunkSize, digest, encryption, like, key, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            if (parsed.GetValue(like) is { } source)
            {
                return RunLikeAsync(parsed.GetRequiredValue(repository), source, parsed.GetValue(key), parsed.GetValue(json), cancellationToken);
            }

            bool isEncrypted = parsed.GetValue(encryption) == "aes256gcm";
            if (isEncrypted != parsed.GetValue(key) is not null)
            {
                throw new UsageException(isEncrypted ? "An encrypted repository needs --key." : "--key is of no use without --encryption aes256gcm.");
            }

            return RunAsync(
                parsed.GetRequiredValue(repository),
                (int)ByteText.Parse(parsed.GetValue(chunkSize)!, int.MaxValue),
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
        await using ObjectStore store = await Stores.OpenAsync(path, WriteDurability.Flush, cancellationToken);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, options, cancellationToken);
        Tell(path, repository, json);
        return ExitCode.Success;
    }

    private static async Task<int> RunLikeAsync(string path, string like, string? key, bool json, CancellationToken cancellationToken)
    {
        using KeyProvider? holder = key is null ? null : Keys.Open(key);
        await using SnapshotRepository source = await Repositories.OpenAsync(like, key, WriteDurability.Flush, cancellationToken);
        await using ObjectStore store = await Stores.OpenAsync(path, WriteDurability.Flush, cancellationToken);
        await using SnapshotRepository repository = await SnapshotRepository.CreateReplicaAsync(store, source, new SnapshotRepositoryOpenOptions { Key = holder }, cancellationToken);
        Tell(path, repository, json);
        return ExitCode.Success;
    }

    private static void Tell(string path, SnapshotRepository repository, bool json)
    {
        string digest = repository.Digest == ContentHashAlgorithm.Sha256 ? "sha256" : "blake3";
        if (json)
        {
            Report.Json(new RepoInitAnswer(path, repository.ChunkSize, digest, repository.IsEncrypted ? "aes256gcm" : "none"), AnswerContext.Default.RepoInitAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{path}: an empty repository, chunks of {ByteText.Format(repository.ChunkSize)} named by {digest}, {(repository.IsEncrypted ? "encrypted with AES-256-GCM" : "not encrypted")}");
        }
    }
}
