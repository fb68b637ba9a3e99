using System;
using System.IO;
using System.Text;

namespace CloudImage.Cli;

/// <summary>Secrets from where the command line may name them: the environment or a file, never the arguments.</summary>
internal static class Secrets
{
    private const int MaxLength = 1 << 20;

    /// <summary>The bytes behind <c>env:NAME</c> or <c>file:PATH</c>.</summary>
    public static byte[] Read(string place)
    {
        if (place.StartsWith("env:", StringComparison.Ordinal))
        {
            string name = place["env:".Length..];
            string value = Environment.GetEnvironmentVariable(name) ?? throw new UsageException($"The environment variable {name} is not set.");
            return Encoding.UTF8.GetBytes(value);
        }

        if (place.StartsWith("file:", StringComparison.Ordinal))
        {
            FileInfo file = new(place["file:".Length..]);
            return file.Length <= MaxLength ? File.ReadAllBytes(file.FullName) : throw new UsageException($"'{file.FullName}' has {file.Length} bytes, which is no key.");
        }

        throw new UsageException($"'{place}' names no secret; write env:NAME or file:PATH.");
    }

    /// <summary>The text behind <c>env:NAME</c> or <c>file:PATH</c>, without the line end that editors add.</summary>
    public static string ReadText(string place) => Encoding.UTF8.GetString(Read(place)).TrimEnd('\r', '\n');
}
