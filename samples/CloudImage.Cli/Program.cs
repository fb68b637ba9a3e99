using System;
using System.CommandLine;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk;

namespace CloudImage.Cli;

/// <summary>The command <c>cloudimage</c>.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        RootCommand root = CommandTree.Create();
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (System.CommandLine.Parsing.ParseError error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync($"cloudimage: {error.Message}");
            }

            await Console.Error.WriteLineAsync("Try 'cloudimage --help', or '--help' behind a command.");
            return ExitCode.Failure;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("cloudimage: cancelled; nothing was published.");
            return ExitCode.Failure;
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            await Console.Error.WriteLineAsync($"cloudimage: {MessageOf(exception)}");
            return ExitCode.Failure;
        }
    }

    // The framework ends the message of an argument with its name in the code and, on a line more, its value.
    private static string MessageOf(Exception exception)
    {
        ReadOnlySpan<char> message = exception.Message;
        int end = exception is ArgumentException ? message.IndexOf(" (Parameter '", StringComparison.Ordinal) : -1;
        return message[..(end < 0 ? message.Length : end)].ToString();
    }

    // What data, files, networks and arguments cause is told in one line; anything else is a fault of ours and keeps its trace.
    private static bool IsExpected(Exception exception) =>
        exception is CloudImageException or IOException or UnauthorizedAccessException or UsageException
            or ArgumentException or NotSupportedException or InvalidOperationException
            or System.Net.Http.HttpRequestException or System.Security.Cryptography.CryptographicException;
}
