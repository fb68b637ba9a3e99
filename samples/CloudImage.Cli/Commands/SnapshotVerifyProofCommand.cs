using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Proofs;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Cli.Commands;

/// <summary>Verifies a proof, with neither repository nor key.</summary>
internal static class SnapshotVerifyProofCommand
{
    private const int MaxProofLength = 192 << 20;

    public static Command Create()
    {
        Argument<string> proof = new("PROOF") { Description = "A file that 'snapshot prove' wrote." };
        Option<string?> root = new("--root") { Description = "The root that is trusted, as 'snapshot show' tells it.", HelpName = "HEX" };
        Option<string[]> verifyKeys = SharedOptions.VerifyKeys();
        Option<string?> extract = new("--extract") { Description = "Write the proven bytes to this file.", HelpName = "FILE" };
        Option<string?> against = new("--against") { Description = "Compare the proven bytes with those of this image at the same place.", HelpName = "DISK" };
        Option<bool> json = SharedOptions.Json();
        Command command = new("verify-proof", "Whether a proof holds. Exit code 1 when it does not.") { proof, root, verifyKeys, extract, against, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(proof), parsed.GetValue(root), SigningKeys.Load(parsed.GetValue(verifyKeys)), parsed.GetValue(extract), parsed.GetValue(against), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        string path, string? rootText, IReadOnlyList<SnapshotSignatureKey> keys, string? extract, string? against, bool json, CancellationToken cancellationToken)
    {
        ContentDigest? trusted = rootText is null ? null
            : ContentDigest.TryParse(rootText, out ContentDigest parsed) ? parsed
            : throw new UsageException($"'{rootText}' is no root; it has 64 hexadecimal digits.");
        if (new FileInfo(path).Length > MaxProofLength)
        {
            throw new UsageException($"'{path}' is longer than any proof.");
        }

        RangeProof proof = RangeProof.Parse(await File.ReadAllBytesAsync(path, cancellationToken));
        SignatureStatus signature = proof.CheckSignature(keys);
        bool holds = proof.TryVerify(trusted ?? proof.Root, out byte[] data) && (keys.Count == 0 || signature == SignatureStatus.Valid);
        bool? isSame = holds && against is not null ? await IsSameAsync(against, proof.Offset, data, cancellationToken) : null;
        if (holds && extract is not null)
        {
            using FileImageSink sink = new(extract, WriteDurability.Flush);
            await sink.WriteAsync(data, 0, cancellationToken);
            await sink.CompleteAsync(cancellationToken);
        }

        bool isTrusted = holds && (trusted is not null || signature == SignatureStatus.Valid);
        if (json)
        {
            Report.Json(
                new VerifyProofAnswer(holds, isTrusted, isSame, proof.Root.ToString(), proof.Offset, proof.Length, proof.DiskLength, proof.Image, proof.Sequence, proof.CreatedAt, proof.SnapshotId, $"{signature}"),
                AnswerContext.Default.VerifyProofAnswer);
        }
        else
        {
            Console.Out.WriteLine(holds
                ? $"holds: {ByteText.Exact(proof.Length)} from {proof.Offset} of {proof.Image} #{proof.Sequence}, {proof.CreatedAt:u}, root {proof.Root}{(isTrusted ? string.Empty : "; compare the root with one that you trust (--root, --verify-key)")}"
                : "does not hold");
            if (isSame is { } same)
            {
                Console.Out.WriteLine($"{against}: {(same ? "the same bytes" : "other bytes")} there");
            }
        }

        return holds && isSame != false ? ExitCode.Success : ExitCode.No;
    }

    private static async Task<bool> IsSameAsync(string path, long offset, byte[] data, CancellationToken cancellationToken)
    {
        await using VirtualDisk disk = await Sources.OpenAsync(path, Sources.Options(null, false, path, null, null, null, false), cancellationToken);
        byte[] present = new byte[data.Length];
        return offset < disk.Length && await disk.ReadAsync(present, offset, cancellationToken) == data.Length && present.AsSpan().SequenceEqual(data);
    }
}
