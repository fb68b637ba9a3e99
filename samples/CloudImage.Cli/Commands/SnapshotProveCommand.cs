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
        Option<string> offset = new("--offset") { Description = "Where the range begins: a number of bytes, or one with k, M, G or T behind it.", Required = true, HelpName = "SIZE" };
        Option<string> length = new("--length") { Description = "How long it is, at most 64M.", Required = true, HelpName = "SIZE" };
        Option<string?> key = SharedOptions.Key();
        Option<bool> json = SharedOptions.Json();
        Command command = new("prove", "Write a proof of what a snapshot holds at a range, for people who have neither repository nor key.") { repository, id, output, offset, length, key, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(repository), parsed.GetRequiredValue(id), parsed.GetRequiredValue(output), ByteText.Parse(parsed.GetRequiredValue(offset)),
            (int)ByteText.Parse(parsed.GetRequiredValue(length), RangeProof.MaxLength), parsed.GetValue(key), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, string id, string output, long offset, int length, string? key, bool json, CancellationToken cancellationToken)
    {
        await using SnapshotRepository repository = await Repositories.OpenAsync(path, key, WriteDurability.Flush, cancellationToken);
        long disk = (await repository.GetAsync(id, cancellationToken)).Length;
        if (length == 0 || length > disk - offset)
        {
            throw new UsageException($"A proof covers at least one byte, and the range must lie within the disk, which has {disk} bytes.");
        }

        RangeProof proof = await repository.ProveAsync(id, offset, length, cancellationToken);
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
            Console.Out.WriteLine($"{output}: {ByteText.Exact(length)} from {offset} of {proof.Image} #{proof.Sequence}, root {proof.Root}; {bytes.Length} bytes, {proof.TreeBytes} of them for the tree");
        }

        return ExitCode.Success;
    }
}
