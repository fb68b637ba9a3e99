using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

/// <summary>Runs the command as a process of its own, in a folder of its own, as a shell would.</summary>
public abstract class CommandTests : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(2);

    protected CommandTests()
    {
        Folder = Path.Combine(AppContext.BaseDirectory, "work", Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Folder);
    }

    /// <summary>The folder that the command runs in; gone after the test.</summary>
    protected string Folder { get; }

    /// <summary>A small system image, and the same disk after an update.</summary>
    protected static string FirstVersion => Path.Combine(AppContext.BaseDirectory, "data", "web-1.qcow2");

    protected static string SecondVersion => Path.Combine(AppContext.BaseDirectory, "data", "web-2.qcow2");

    public void Dispose()
    {
        Directory.Delete(Folder, true);
        GC.SuppressFinalize(this);
    }

    protected string PathOf(string name) => Path.Combine(Folder, name);

    protected Task<CommandResult> RunAsync(params string[] arguments) => RunAsync(null, null, arguments);

    protected async Task<CommandResult> RunAsync(byte[]? input, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "cloudimage.dll"), .. arguments])
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        using MemoryStream output = new();
        Task copying = process.StandardOutput.BaseStream.CopyToAsync(output);
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(s_timeout);
        await copying;
        return new CommandResult(process.ExitCode, output.ToArray(), await error);
    }

    protected async Task<CommandResult> SucceedAsync(params string[] arguments)
    {
        CommandResult result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }

    protected async Task<string> DigestAsync(string image) =>
        (await SucceedAsync("hash", image, "--json")).Json.GetProperty("digest").GetString()!;
}
