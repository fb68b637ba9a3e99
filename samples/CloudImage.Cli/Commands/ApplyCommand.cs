using System;
using System.CommandLine;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Changes;

namespace CloudImage.Cli.Commands;

/// <summary>Applies a stream of changes to an image of the older state.</summary>
internal static class ApplyCommand
{
    public static Command Create()
    {
        Argument<string> changes = new("CHANGES") { Description = "A stream that 'snapshot diff --to stream' wrote." };
        Argument<string> source = new("BASE") { Description = "An image of the state that the changes lead from." };
        Argument<string?> destination = new("DESTINATION") { Description = "The new image: a file (replaced when it is complete), a block device, or - for standard output.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> inPlace = new("--in-place") { Description = "Change BASE itself, a raw file or a block device." };
        Option<bool> noCheck = new("--no-check") { Description = "Do not read BASE through to see whether it is the state that the changes lead from." };
        Option<string?> to = SharedOptions.To();
        Option<string[]> option = SharedOptions.FormatOption();
        Option<string?> compression = SharedOptions.Compression();
        Option<string> durability = SharedOptions.Durability();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        Command command = new("apply", "Make the newer state of an older one and a stream of changes.") { changes, source, destination, inPlace, noCheck, to, option, compression, durability, threads, json };
        command.SetAction((parsed, cancellationToken) =>
        {
            string? output = parsed.GetValue(destination);
            if (parsed.GetValue(inPlace) == output is not null)
            {
                throw new UsageException("Name a DESTINATION, or say --in-place.");
            }

            if (parsed.GetValue(inPlace))
            {
                return RunInPlaceAsync(parsed.GetRequiredValue(changes), parsed.GetRequiredValue(source), parsed.GetValue(json), cancellationToken);
            }

            DiskFormat format = FormatChoice.ForDestination(parsed.GetValue(to), output!);
            Request request = new(
                parsed.GetRequiredValue(changes), parsed.GetRequiredValue(source), output!, format, FormatChoice.Options(format, parsed.GetValue(option) ?? [], parsed.GetValue(compression)),
                parsed.GetValue(noCheck), SharedOptions.ParseDurability(parsed.GetValue(durability)!), parsed.GetValue(threads));
            return RunAsync(request, parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Request request, bool json, CancellationToken cancellationToken)
    {
        Destinations.ThrowIfShared(request.Destination, json);
        long begun = Stopwatch.GetTimestamp();
        await using ChangeStreamDisk changes = ChangeStreamDisk.Open(request.Changes);
        await using VirtualDisk source = await Sources.OpenAsync(request.Source, DiskOpenOptions.Default, cancellationToken);
        if (!request.IsUnchecked && !await changes.FitsAsync(source, cancellationToken))
        {
            await Console.Error.WriteLineAsync($"cloudimage: '{request.Source}' does not hold the state that the changes lead from, of {changes.OlderLength} bytes with the root {changes.OlderRoot}.");
            return ExitCode.No;
        }

        await using LayeredDisk newer = new([changes, source], true);
        await Destinations.WriteAsync(newer, request.Destination, request.Options, request.Durability, request.Threads, "applying", json, cancellationToken);
        Tell(new ApplyAnswer(request.Destination, request.Format.Name, newer.Length, changes.NewerRoot.ToString(), Stopwatch.GetElapsedTime(begun).TotalSeconds), json);
        return ExitCode.Success;
    }

    private static async Task<int> RunInPlaceAsync(string stream, string target, bool json, CancellationToken cancellationToken)
    {
        long begun = Stopwatch.GetTimestamp();
        await using ChangeStreamDisk changes = ChangeStreamDisk.Open(stream);
        await changes.ApplyInPlaceAsync(target, cancellationToken);
        Tell(new ApplyAnswer(target, "raw", changes.Length, changes.NewerRoot.ToString(), Stopwatch.GetElapsedTime(begun).TotalSeconds), json);
        return ExitCode.Success;
    }

    private static void Tell(ApplyAnswer answer, bool json)
    {
        if (json)
        {
            Report.Json(answer, AnswerContext.Default.ApplyAnswer);
        }
        else if (answer.Destination != Destinations.StandardOutput)
        {
            Console.Out.WriteLine($"{answer.Destination}: {answer.Format}, {ByteText.Format(answer.VirtualSize)}, root {answer.Root}, in {answer.Seconds:0.00} s");
        }
    }

    private sealed record Request(
        string Changes, string Source, string Destination, DiskFormat Format, DiskCreateOptions Options, bool IsUnchecked, WriteDurability Durability, int Threads);
}
