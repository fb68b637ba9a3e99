using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Runs qemu-img and qemu-io; a test that needs them is skipped where they are absent, unless they are required.</summary>
internal static class QemuTool
{
    public static void Require()
    {
        foreach (string tool in (string[])["qemu-img", "qemu-io"])
        {
            bool isThere = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
                .Any(folder => File.Exists(Path.Combine(folder, tool)));
            if (!isThere && Environment.GetEnvironmentVariable("CLOUDIMAGE_REQUIRE_TOOLS") == "1")
            {
                Assert.Fail($"{tool} is not installed, and CLOUDIMAGE_REQUIRE_TOOLS asks for it.");
            }

            Assert.SkipUnless(isThere, $"{tool} is not installed.");
        }
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
        ProcessStartInfo start = new(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder ?? "/" };
        using Process process = Process.Start(start)!;
        System.Threading.Tasks.Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }
}
