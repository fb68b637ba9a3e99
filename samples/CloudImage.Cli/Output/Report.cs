using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace CloudImage.Cli.Output;

/// <summary>Writes what a command answers: JSON for scripts, aligned lines for people.</summary>
internal static class Report
{
    private const int BufferLength = 64 << 10;

    public static void Json<T>(T value, JsonTypeInfo<T> type)
    {
        // The generated code writes to a writer without a look at each member's converter; to a stream it does not.
        using Stream output = Console.OpenStandardOutput();
        using StreamBufferWriter buffer = new(output);
        using Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Indented = true, Encoder = type.Options.Encoder });
        JsonSerializer.Serialize(writer, value, type);
        writer.Flush();
        buffer.Write("\n"u8);
    }

    public static void Fields(params (string Name, string? Value)[] fields)
    {
        foreach ((string name, string? value) in fields)
        {
            if (!string.IsNullOrEmpty(value))
            {
                Console.Out.WriteLine($"{name + ":",-18} {value}");
            }
        }
    }

    public static void Table(IReadOnlyList<string> headings, IEnumerable<string[]> rows)
    {
        List<string[]> all = [[.. headings], .. rows];
        int[] widths = new int[headings.Count];
        foreach (string[] row in all)
        {
            for (int column = 0; column < row.Length; column++)
            {
                widths[column] = Math.Max(widths[column], row[column].Length);
            }
        }

        // The console writes what it is given at once, whatever it is.
        StringBuilder lines = new();
        foreach (string[] row in all)
        {
            for (int column = 0; column < row.Length; column++)
            {
                bool isLast = column == row.Length - 1;
                lines.Append(isLast ? row[column] : row[column].PadRight(widths[column] + 2));
            }

            lines.AppendLine();
            if (lines.Length >= BufferLength)
            {
                Console.Out.Write(lines);
                lines.Clear();
            }
        }

        Console.Out.Write(lines);
    }
}
