using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A program of the machine that tests hold our results against.</summary>
public sealed class ExternalTool
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(120);
    private readonly string _path;

    private ExternalTool(string path) => _path = path;

    /// <summary>The folder that the tool runs in; null for the tests' own.</summary>
    private string? WorkingDirectory { get; init; }

    /// <summary>Whether an absent tool or file fails the test instead of skipping it.</summary>
    public static bool IsEverythingRequired => Environment.GetEnvironmentVariable("CLOUDIMAGE_REQUIRE_TOOLS") == "1";

    /// <summary>Finds a tool, or skips the calling test (fails it where everything is required).</summary>
    public static ExternalTool Require(string name) => Require(name, null);

    /// <summary>Finds a tool that is to run in a folder, or skips the calling test (fails it where everything is required).</summary>
    public static ExternalTool Require(string name, string? workingDirectory)
    {
        if (Find(name) is { } path)
        {
            return new ExternalTool(path) { WorkingDirectory = workingDirectory };
        }

        SkipOrFail($"The tool {name} is not installed.");
        throw new UnreachableException();
    }

    /// <summary>Whether a tool is there.</summary>
    public static bool Exists(string name) => Find(name) is not null;

    /// <summary>Skips the calling test, or fails it where everything is required.</summary>
    public static void SkipOrFail(string reason)
    {
        if (IsEverythingRequired)
        {
            Assert.Fail(reason + " CLOUDIMAGE_REQUIRE_TOOLS=1 makes that a failure.");
        }

        Assert.Skip(reason);
    }

    /// <summary>Runs the tool, and fails the test unless it exits with 0.</summary>
    /// <returns>Its standard output.</returns>
    public string Run(params string[] arguments)
    {
        (int exitCode, string output, string error) = RunAnyway(arguments);
        Assert.True(exitCode == 0, $"{Describe(arguments)} exited with {exitCode}:{Environment.NewLine}{error}{output}");
        return output;
    }

    /// <summary>Runs the tool, whatever its exit code.</summary>
    public (int ExitCode, string Output, string Error) RunAnyway(params string[] arguments)
    {
        using Process process = Start(arguments);
        process.StandardInput.Close();
        StringBuilder error = new();
        process.ErrorDataReceived += (_, line) => error.AppendLine(line.Data);
        process.BeginErrorReadLine();
        using StringReaderThread output = new(process.StandardOutput);
        if (!process.WaitForExit(s_timeout))
        {
            process.Kill(true);
            Assert.Fail($"{Describe(arguments)} did not end within {s_timeout}.");
        }

        process.WaitForExit();
        return (process.ExitCode, output.ReadAll(), error.ToString());
    }

    /// <summary>Starts the tool with its standard streams redirected; the caller ends it.</summary>
    public Process Start(params string[] arguments)
    {
        ProcessStartInfo start = new(_path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = WorkingDirectory ?? string.Empty,
        };
        start.Environment["LC_ALL"] = "C";
        return Process.Start(start)!;
    }

    private string Describe(string[] arguments) => $"{Path.GetFileName(_path)} {string.Join(' ', arguments)}";

    private static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
            .Concat(["/usr/sbin", "/sbin"])
            .Where(static folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    // Reads one stream on a thread of its own, so that no full pipe stops the tool.
    private sealed class StringReaderThread : IDisposable
    {
        private readonly System.Threading.Thread _thread;
        private string _text = string.Empty;

        public StringReaderThread(StreamReader reader)
        {
            _thread = new System.Threading.Thread(() => _text = reader.ReadToEnd()) { IsBackground = true };
            _thread.Start();
        }

        public string ReadAll()
        {
            _thread.Join();
            return _text;
        }

        public void Dispose() => _thread.Join();
    }
}
