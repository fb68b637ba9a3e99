using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Cli.Commands;

/// <summary>Changes the length of an image's disk, in place.</summary>
internal static class ResizeCommand
{
    public static Command Create()
    {
        Argument<string> image = new("IMAGE") { Description = "An image file, changed in place." };
        Argument<string> size = new("SIZE") { Description = "The new length of the disk: bytes, or a number with k, M, G or T behind it; +SIZE and -SIZE change it by that much." };
        Option<string?> from = SharedOptions.From();
        Option<bool> shrink = new("--shrink") { Description = "Cut the disk although data lies behind its new end: that data is lost." };
        Option<bool> json = SharedOptions.Json();
        Command command = new("resize", "Change the length of an image's disk in place, in the format's own crash order.") { image, size, from, shrink, json };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(image), parsed.GetRequiredValue(size), parsed.GetValue(from), parsed.GetValue(shrink), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string image, string size, string? from, bool shrink, bool json, CancellationToken cancellationToken)
    {
        DiskOpenOptions options = Sources.Options(from, noReferences: true, image);
        DiskFormat format;
        long length;
        await using (VirtualDisk container = await Sources.OpenContainerAsync(image, options, cancellationToken))
        {
            format = Sources.Detect(container, options);
            length = Target(size, (await DiskImage.InspectAsync(container, options, cancellationToken)).Info?.VirtualSize ?? container.Length);
        }

        using (ImageEditor editor = new FileImageEditor(image))
        {
            format.Resize(editor, length, new DiskResizeOptions { AllowDataLoss = shrink });
        }

        if (json)
        {
            Report.Json(new ResizeAnswer(image, format.Name, length), AnswerContext.Default.ResizeAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{image}: {format.Name}, now {ByteText.Exact(length)}");
        }

        return ExitCode.Success;
    }

    private static long Target(string size, long present)
    {
        long length = size switch
        {
            ['+', .. string more] => present + ByteText.Parse(more, long.MaxValue - present),
            ['-', .. string less] => present - ByteText.Parse(less),
            _ => ByteText.Parse(size),
        };
        return length > 0 ? length : throw new UsageException($"'{size}' would leave a disk of {length} bytes; it has {present} now.");
    }
}
