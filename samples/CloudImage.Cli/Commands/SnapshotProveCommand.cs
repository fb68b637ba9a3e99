using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Proofs;

namespace CloudImage.Cli.Commands;

/// <summary>Writes a proof of what a snapshot holds at a range.</summary>
internal static class SnapshotProveCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> id = new("ID") { Description = "The snapshot." };
        Argument<string> output = new("PROOF") { Description = "The file to write." };
        Option<string> range = new("--range") { Description = "The range, at most 64M long: bytes, or numbers with k, M, G or T behind them.", Required = true, HelpName = ByteRange.Form };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("prove", "Write a proof of what a snapshot holds at a range, for people who have neither repository nor key.") { repository, id, output, range, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(id), parsed.GetRequiredValue(output), ByteRange.Parse(parsed.GetRequiredValue(range)),
            parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string id, string output, ByteRange range, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        long disk = (await repository.GetAsync(id, cancellationToken)).Length;
        if (range.Length == 0 || range.Length > Math.Min(RangeProof.MaxLength, disk - range.Offset))
        {
            throw new UsageException($"A proof covers 1 to {RangeProof.MaxLength} bytes, and the range must lie within the disk, which has {disk} bytes.");
        }

        RangeProof proof = await repository.ProveAsync(id, range.Offset, (int)range.Length, cancellationToken);
        byte[] bytes = proof.ToArray();
        using FileImageSink sink = new(output, WriteDurability.Flush);
        await sink.WriteAsync(bytes, 0, cancellationToken);
        await sink.CompleteAsync(cancellationToken);
        if (json)
        {
            Report.Json(new ProveAnswer(id, output, proof.Offset, proof.Length, proof.Root.ToString(), bytes.Length, proof.TreeBytes), AnswerContext.Default.ProveAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{output}: {ByteText.Exact(range.Length)} from {range.Offset} of {proof.Image} #{proof.Sequence}, root {proof.Root}; {bytes.Length} bytes, {proof.TreeBytes} of them for the tree");
        }

        return ExitCode.Success;
    }
}
