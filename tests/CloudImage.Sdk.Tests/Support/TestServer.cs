using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A real server on loopback, started by a script of tests/servers and ended with the tests.</summary>
/// <remarks>
/// A script is called with a folder of its own and a port. It writes lines <c>name=value</c>, then <c>ready</c>, and ends its server when
/// its standard input ends: nothing is left even when the tests are killed.
/// </remarks>
public sealed class TestServer : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _folder;
    private readonly Dictionary<string, string> _values;

    private TestServer(Process process, string folder, int port, Dictionary<string, string> values)
    {
        _process = process;
        _folder = folder;
        Port = port;
        _values = values;
    }

    /// <summary>The port on loopback that it listens on.</summary>
    public int Port { get; }

    /// <summary>A value that the script told.</summary>
    public string this[string name] => _values[name];

    /// <summary>Starts a server.</summary>
    /// <param name="script">Name of the script in tests/servers, without its ending.</param>
    /// <param name="tools">The programs that it needs: where one is missing the calling test is skipped, or failed where everything is required.</param>
    public static async Task<TestServer> StartAsync(string script, params string[] tools)
    {
        foreach (string tool in tools)
        {
            ExternalTool.Require(tool);
        }

        string folder = Directory.CreateTempSubdirectory($"cloudimage-{script}-").FullName;
        int port = FindFreePort();
        ProcessStartInfo start = new("bash", [Path.Combine(RepositoryRoot.Path, "tests", "servers", script + ".sh"), folder, $"{port}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        Process process = Process.Start(start)!;
        StringBuilder errors = new();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
        Dictionary<string, string> values = [];
        try
        {
            while (await process.StandardOutput.ReadLineAsync().WaitAsync(s_startLimit) is { } line)
            {
                if (line == "ready")
                {
                    return new TestServer(process, folder, port, values);
                }

                int equals = line.IndexOf('=', StringComparison.Ordinal);
                values[equals < 0 ? line : line[..equals]] = equals < 0 ? string.Empty : line[(equals + 1)..];
            }
        }
        catch (TimeoutException)
        {
            // Told below, with what the server wrote.
        }

        await EndAsync(process, folder);
        Assert.Fail($"Server {script} did not become ready:{Environment.NewLine}{errors}");
        throw new UnreachableException();
    }

    public async ValueTask DisposeAsync() => await EndAsync(_process, _folder);

    private static async Task EndAsync(Process process, string folder)
    {
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync().WaitAsync(s_endLimit);
        }
        catch (TimeoutException)
        {
            process.Kill(true);
        }

        process.Dispose();
        Directory.Delete(folder, true);
    }

    private static int FindFreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
