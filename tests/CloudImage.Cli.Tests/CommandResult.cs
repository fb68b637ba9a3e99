using System.Text.Json;

namespace CloudImage.Cli.Tests;

/// <summary>What one run of the command left behind.</summary>
public sealed record CommandResult(int ExitCode, byte[] OutputBytes, string Error)
{
    public string Output => System.Text.Encoding.UTF8.GetString(OutputBytes);

    public JsonElement Json => JsonDocument.Parse(OutputBytes).RootElement;

    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Error}";
}
