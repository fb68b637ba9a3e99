using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Clouds;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Signing;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Commands;

/// <summary>Takes a snapshot of a disk.</summary>
internal static class SnapshotCreateCommand
{
    public static Command Create()
    {
        Argument<string> repository = new("REPO") { Description = "The repository." };
        Argument<string> source = new("DISK") { Description = "An image of any format: a file, a block device, a URL or ebs://SNAPSHOT?region=R." };
        Option<string> image = new("--image") { Description = "The name under which this disk's snapshots belong together.", Required = true, HelpName = "NAME" };
        Option<string> parent = new("--parent") { Description = "The snapshot to store only the difference to: latest is the image's newest, none stores everything.", DefaultValueFactory = _ => "latest", HelpName = "latest|none|ID" };
        Option<string?> baseImage = new("--base-image") { Description = "The image that the disk was made from: chunks that its newest snapshot has in the same place are shared.", HelpName = "NAME" };
        Option<string> deduplication = new("--deduplication") { Description = "exact finds chunks anywhere in the repository, chain only in the same place in the parent and the base image, without an index in memory.", DefaultValueFactory = _ => "exact", HelpName = "exact|chain" };
        deduplication.AcceptOnlyFromAmong("exact", "chain");
        Option<string?> resume = new("--resume") { Description = "Go on with a capture of this image that died: what it stored is not stored again. snapshot list --interrupted names it.", HelpName = "SESSION" };
        Option<string> codec = new("--codec") { Description = "How chunks are compressed.", DefaultValueFactory = _ => "lz4", HelpName = "lz4|zstd|none" };
        codec.AcceptOnlyFromAmong("lz4", "zstd", "none");
        Option<string[]> tags = new("--tag") { Description = "A word to keep with the snapshot; may be given several times.", HelpName = "KEY[=VALUE]" };
        Option<bool> patchFrames = new("--patch-frames") { Description = "Store a chunk that changed in part as the blocks that differ from the parent's; false stores every changed chunk whole.", DefaultValueFactory = _ => true, HelpName = "true|false" };
        Option<string?> changeMap = new("--change-map") { Description = "A map of what may have changed since the parent, as 'snapshot diff --to map' writes it, or the EBS snapshot, or the snapshot of a page blob, that the parent was taken of; nothing else is read.", HelpName = "FILE|ebs://SNAPSHOT|azpage://..." };
        Option<string> durability = SharedOptions.Durability();
        Option<string?> signingKey = SharedOptions.SigningKey();
        Option<string?> key = SharedOptions.Key();
        Option<string?> from = SharedOptions.From();
        Option<bool> noReferences = SharedOptions.NoReferences();
        Option<string?> snapshot = SharedOptions.InternalSnapshot();
        Option<string?> disk = SharedOptions.DiskName();
        Option<string?> passphrase = SharedOptions.Passphrase();
        Option<bool> force = SharedOptions.Force();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("create", "Take a snapshot of a disk: only what its parent does not have is stored.")
        {
            repository, source, image, parent, baseImage, deduplication, resume, codec, tags, patchFrames, changeMap, durability, signingKey, key, from, noReferences, snapshot, disk, passphrase, force, threads, json,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using SnapshotSigner? signer = SigningKeys.Open(parsed.GetValue(signingKey));
            string path = parsed.GetRequiredValue(source);
            Request request = new(
                parsed.GetRequiredValue(repository),
                path,
                Sources.Options(parsed.GetValue(from), parsed.GetValue(noReferences), path, parsed.GetValue(snapshot), parsed.GetValue(disk), parsed.GetValue(passphrase), parsed.GetValue(force)),
                parsed.GetValue(key),
                SharedOptions.ParseDurability(parsed.GetValue(durability)!),
                new CaptureOptions
                {
                    Image = parsed.GetRequiredValue(image),
                    Parent = ParseParent(parsed.GetValue(parent)!),
                    BaseImage = parsed.GetValue(baseImage),
                    Deduplication = parsed.GetValue(deduplication) == "chain" ? ChunkDeduplication.Chain : ChunkDeduplication.Exact,
                    ResumeSession = parsed.GetValue(resume),
                    Codec = SharedOptions.ParseCodec(parsed.GetValue(codec)!),
                    ChangeMap = await LoadMapAsync(parsed.GetValue(changeMap), path, cancellationToken),
                    PatchFrames = parsed.GetValue(patchFrames),
                    Tags = ParseTags(parsed.GetValue(tags) ?? []),
                    Concurrency = parsed.GetValue(threads),
                    Signer = signer,
                });
            return await RunAsync(request, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        long begun = Stopwatch.GetTimestamp();
        CaptureResult result = null!;
        (SnapshotRepository repository, CountingObjectStore store) = await Repositories.OpenCountedAsync(request.Repository, request.Key, request.Durability, cancellationToken);
        await using SnapshotRepository owned = repository;
        await using VirtualDisk disk = await Sources.OpenAsync(request.Source, request.OpenOptions, cancellationToken);
        await ProgressDisplay.RunAsync("capturing", json, async progress =>
            result = await repository.CaptureAsync(disk, request.Capture, SnapshotProgressAdapter.For(progress), cancellationToken));
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        Tell(result, seconds, RequestsAnswer.Of(store), json);
        return ExitCode.Success;
    }

    /// <summary>Tells of a snapshot that was made, by whatever command.</summary>
    public static void Tell(CaptureResult result, double seconds, RequestsAnswer requests, bool json)
    {
        SnapshotInfo snapshot = result.Snapshot;
        if (json)
        {
            SnapshotCreateAnswer answer = new(
                result.Id, snapshot.Image, snapshot.Sequence, snapshot.ParentId, result.LogicalBytes, result.StoredBytes, result.ReadBytes,
                result.NewChunks, result.UnchangedChunks, result.DuplicateChunks, result.ZeroChunks, result.Warnings, seconds, requests);
            Report.Json(answer, AnswerContext.Default.SnapshotCreateAnswer);
            return;
        }

        foreach (string warning in result.Warnings)
        {
            Console.Error.WriteLine($"cloudimage: {warning}");
        }

        Console.Out.WriteLine($"{result.Id}  {snapshot.Image} #{snapshot.Sequence}");
        Report.Fields(
            ("disk", ByteText.Exact(result.LogicalBytes)),
            ("read", ByteText.Format(result.ReadBytes)),
            ("stored", ByteText.Exact(result.StoredBytes)),
            ("chunks", $"{result.NewChunks} new, {result.UnchangedChunks} as in the parent, {result.DuplicateChunks} found elsewhere, {result.ZeroChunks} zero"),
            ("requests", requests.ToString()),
            ("time", $"{seconds:0.00} s"));
    }

    private static SnapshotParent ParseParent(string text) => text switch
    {
        "latest" => SnapshotParent.Latest,
        "none" => SnapshotParent.None,
        _ => SnapshotParent.Of(text),
    };

    private static async Task<BlockMap?> LoadMapAsync(string? path, string source, CancellationToken cancellationToken)
    {
        if (path is null)
        {
            return null;
        }

        if (EbsSnapshots.IsAddress(path))
        {
            return await EbsSnapshots.GetChangesAsync(path, source, cancellationToken);
        }

        if (CloudDisks.IsAddress(path))
        {
            return await CloudDisks.GetChangesAsync(path, source, cancellationToken);
        }

        await using FileStream file = File.OpenRead(path);
        return await BlockMap.LoadAsync(file, cancellationToken);
    }

    private static List<KeyValuePair<string, string>> ParseTags(string[] texts)
    {
        List<KeyValuePair<string, string>> tags = [];
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? text : text[..equals];
            tags.Add(name.Length > 0
                ? KeyValuePair.Create(name, equals < 0 ? string.Empty : text[(equals + 1)..])
                : throw new UsageException($"'{text}' is no tag; write KEY or KEY=VALUE."));
        }

        return tags;
    }

    private sealed record Request(string Repository, string Source, DiskOpenOptions OpenOptions, string? Key, WriteDurability Durability, CaptureOptions Capture);
}
