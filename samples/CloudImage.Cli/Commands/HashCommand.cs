using System;
using System.CommandLine;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Cli.Commands;

/// <summary>The digest of a disk's content, or of a file's bytes.</summary>
internal static class HashCommand
{
    public static Command Create()
    {
        Argument<string> source = new("SOURCE") { Description = "An image: a file, a block device or a URL." };
        Option<bool> raw = new("--raw") { Description = "The digest of the file's bytes; by default that of the disk that a guest sees, whatever the format." };
        Option<string> algorithm = new("--algorithm") { Description = "sha256 or blake3.", DefaultValueFactory = _ => "sha256", HelpName = "sha256|blake3" };
        algorithm.AcceptOnlyFromAmong("sha256", "blake3");
        Option<int> threads = SharedOptions.Threads();
        Option<string?> from = SharedOptions.From();
        Option<bool> noReferences = SharedOptions.NoReferences();
        Option<string?> snapshot = SharedOptions.InternalSnapshot();
        Option<string?> disk = SharedOptions.DiskName();
        Option<string?> passphrase = SharedOptions.Passphrase();
        Option<bool> force = SharedOptions.Force();
        Option<bool> json = SharedOptions.Json();
        Command command = new("hash", "The digest of a disk's content: equal for equal disks in any format.") { source, raw, algorithm, threads, from, noReferences, snapshot, disk, passphrase, force, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            string path = parsed.GetRequiredValue(source);
            bool isRaw = parsed.GetValue(raw);
            ContentHashAlgorithm chosen = parsed.GetValue(algorithm) == "blake3" ? ContentHashAlgorithm.Blake3 : ContentHashAlgorithm.Sha256;
            DiskOpenOptions options = Sources.Options(
                isRaw ? RawFormat.Instance.Name : parsed.GetValue(from), parsed.GetValue(noReferences), path, parsed.GetValue(snapshot), parsed.GetValue(disk), parsed.GetValue(passphrase), parsed.GetValue(force));
            return RunAsync(path, options, isRaw, chosen, parsed.GetValue(threads), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(string source, DiskOpenOptions options, bool isRaw, ContentHashAlgorithm algorithm, int threads, bool json, CancellationToken cancellationToken)
    {
        byte[] digest = [];
        long length = 0;
        await ProgressDisplay.RunAsync("hashing", json, async progress =>
        {
            if (isRaw && File.Exists(source))
            {
                using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                length = RandomAccess.GetLength(file);
                digest = new byte[ContentDigest.SizeInBytes];
                FileHasher.HashFile(file, algorithm, threads > 0 ? threads : Environment.ProcessorCount, cancellationToken).CopyTo(digest);
                return;
            }

            await using VirtualDisk disk = await Sources.OpenAsync(source, options, cancellationToken);
            length = disk.Length;
            digest = await ContentHasher.HashAsync(disk, algorithm, progress, cancellationToken);
        });
        string text = Convert.ToHexStringLower(digest);
        string name = algorithm == ContentHashAlgorithm.Blake3 ? "blake3" : "sha256";
        if (json)
        {
            Report.Json(new HashAnswer(text, name, length), AnswerContext.Default.HashAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{text}  {source}");
        }

        return ExitCode.Success;
    }
}
