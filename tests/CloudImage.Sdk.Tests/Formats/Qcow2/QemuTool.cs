using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Runs qemu-img and qemu-io; a test that needs them is skipped where they are absent, unless they are required.</summary>
internal static class QemuTool
{
    public static void Require()
    {
        ExternalTool.Require("qemu-img");
        ExternalTool.Require("qemu-io");
    }

    /// <summary>Runs qemu-img, which must succeed; answers its output.</summary>
    public static string Img(params string[] arguments)
    {
        (int exitCode, string output) = Run("qemu-img", arguments);
        Assert.True(exitCode == 0, $"qemu-img {string.Join(' ', arguments)} ended with {exitCode}: {output}");
        return output;
    }

    /// <summary>Runs qemu-img; answers its exit code and output.</summary>
    public static (int ExitCode, string Output) TryImg(params string[] arguments) => Run("qemu-img", arguments);

    /// <summary>Runs commands of qemu-io on an image; a compressed write where something is already stored fails, and is not looked at.</summary>
    public static void Io(string path, string format, params IEnumerable<string> commands)
    {
        (int exitCode, string output) = Run("qemu-io", ["-f", format, .. commands.SelectMany(static command => (string[])["-c", command]), path]);
        bool isRight = exitCode == 0 || (exitCode == 1 && commands.Any(static command => command.StartsWith("write -c", StringComparison.Ordinal)));
        Assert.True(isRight, $"qemu-io on {path} ended with {exitCode}: {output}");
    }

    private static (int ExitCode, string Output) Run(string tool, IEnumerable<string> arguments)
    {
        // External data files are looked for in the working folder: that of the image, the last path of each command.
        string? folder = arguments.Where(Path.IsPathRooted).Select(Path.GetDirectoryName).LastOrDefault();
        (int exitCode, string output, string error) = ExternalTool.Require(tool, folder ?? "/").RunAnyway([.. arguments]);
        return (exitCode, output + error);
    }
}
