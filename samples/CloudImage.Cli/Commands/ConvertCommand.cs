using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Cli.Commands;

/// <summary>Writes a disk as a new image of any format.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        Argument<string> source = new("SOURCE") { Description = "An image: a file, a block device, a URL, ebs://SNAPSHOT?region=R, glance://IMAGE-ID, or - for standard input." };
        Argument<string> destination = new("DESTINATION") { Description = "The new image: a file (replaced when it is complete), a block device, ebs://new?region=R, glance://NAME, or - for standard output." };
        Option<string?> to = SharedOptions.To();
        Option<string?> from = SharedOptions.From();
        Option<string[]> option = SharedOptions.FormatOption();
        Option<string?> compression = SharedOptions.Compression();
        Option<string> durability = SharedOptions.Durability();
        Option<bool> noReferences = SharedOptions.NoReferences();
        Option<string?> snapshot = SharedOptions.InternalSnapshot();
        Option<string?> disk = SharedOptions.DiskName();
        Option<string?> passphrase = SharedOptions.Passphrase();
        Option<bool> force = SharedOptions.Force();
        Option<int> threads = SharedOptions.Threads();
        Option<string?> size = new("--size") { Description = "Length of a raw disk that comes from a pipe; without it the content goes through a temporary file beside the destination.", HelpName = "SIZE" };
        Option<bool> json = SharedOptions.Json();
        Command command = new("convert", "Write a disk as a new image of any format. Zeros are not stored; the destination appears when it is complete.")
        {
            source, destination, to, from, option, compression, durability, noReferences, snapshot, disk, passphrase, force, threads, size, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            string path = parsed.GetRequiredValue(source);
            Request request = new(
                path,
                parsed.GetRequiredValue(destination),
                Sources.Options(parsed.GetValue(from), parsed.GetValue(noReferences), path, parsed.GetValue(snapshot), parsed.GetValue(disk), parsed.GetValue(passphrase), parsed.GetValue(force)),
                FormatChoice.ForDestination(parsed.GetValue(to), parsed.GetRequiredValue(destination)),
                parsed.GetValue(option) ?? [],
                parsed.GetValue(compression),
                SharedOptions.ParseDurability(parsed.GetValue(durability)!),
                parsed.GetValue(threads),
                parsed.GetValue(size) is { } text ? ByteText.Parse(text) : null);
            return RunAsync(request, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        Destinations.ThrowIfShared(request.Destination, json);
        long begun = Stopwatch.GetTimestamp();
        DiskCreateOptions options = FormatChoice.Options(request.Format, request.Settings, request.Compression);
        ConvertAnswer answer = request.Source == Sources.StandardInput
            ? await FromStandardInputAsync(request, options, json, cancellationToken)
            : await FromDiskAsync(request, options, json, cancellationToken);
        answer = answer with { Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds, ContainerLength = Sources.FileLength(request.Destination) };
        if (json)
        {
            Report.Json(answer, AnswerContext.Default.ConvertAnswer);
        }
        else if (request.Destination != Destinations.StandardOutput)
        {
            Console.Out.WriteLine($"{answer.Destination}: {answer.Format}, {ByteText.Format(answer.VirtualSize)} as {ByteText.Format(answer.ContainerLength ?? answer.VirtualSize)}, in {answer.Seconds:0.00} s");
        }

        return ExitCode.Success;
    }

    private static async Task<ConvertAnswer> FromDiskAsync(Request request, DiskCreateOptions options, bool json, CancellationToken cancellationToken)
    {
        await using VirtualDisk disk = await Sources.OpenAsync(request.Source, request.OpenOptions, cancellationToken);
        return await CopyAsync(request, options, disk, json, cancellationToken);
    }

    // A pipe tells its end only when it comes. Where the length is not known before, the content goes through a temporary file.
    private static async Task<ConvertAnswer> FromStandardInputAsync(Request request, DiskCreateOptions options, bool json, CancellationToken cancellationToken)
    {
        await using SequentialDiskSource source = await Sources.OpenStandardInputAsync(request.OpenOptions, cancellationToken);
        if ((request.Size ?? source.Length) is { } length)
        {
            await using DiskWriter writer = await Destinations.CreateAsync(request.Destination, length, options, request.Durability, cancellationToken);
            Destinations.ThrowIfIncrement(writer);
            await ProgressDisplay.RunAsync("converting", json, async progress =>
            {
                await DiskCopier.CopyAsync(source, writer, new DiskCopyOptions { WorkerCount = request.Threads }, DiskProgressAdapter.For(progress), cancellationToken);
                await writer.CompleteAsync(cancellationToken);
            });
            return new ConvertAnswer(Destinations.NameOf(writer, request.Destination), request.Format.Name, length, null, 0);
        }

        using SpoolFile spool = await SpoolFile.FillAsync(source, request.Destination, cancellationToken);
        using FileDisk disk = FileDisk.Open(spool.Path);
        return await CopyAsync(request, options, disk, json, cancellationToken);
    }

    private static async Task<ConvertAnswer> CopyAsync(Request request, DiskCreateOptions options, VirtualDisk disk, bool json, CancellationToken cancellationToken)
    {
        string name = await Destinations.WriteAsync(disk, request.Destination, options, request.Durability, request.Threads, "converting", json, cancellationToken);
        return new ConvertAnswer(name, request.Format.Name, disk.Length, null, 0);
    }

    private sealed record Request(
        string Source,
        string Destination,
        DiskOpenOptions OpenOptions,
        DiskFormat Format,
        IReadOnlyList<string> Settings,
        string? Compression,
        WriteDurability Durability,
        int Threads,
        long? Size);
}
