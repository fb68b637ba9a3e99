using System;
using System.Collections.Generic;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Applies the log of an existing image to its file, before the file is changed further.</summary>
internal static class VhdxLogReplayer
{
    private const int ZeroLength = 1 << 20;

    /// <summary>Replays and empties the log.</summary>
    /// <param name="editor">The file.</param>
    /// <param name="header">The current header, whose log id is set.</param>
    /// <param name="entries">The active sequence.</param>
    public static void Replay(ImageEditor editor, VhdxHeader header, IReadOnlyList<VhdxLogEntry> entries)
    {
        Guid fileWriteId = Guid.NewGuid();
        header = Write(editor, header.Next(fileWriteId, header.DataWriteId, header.LogId));
        header = Write(editor, header.Next(fileWriteId, header.DataWriteId, header.LogId));
        long length = (long)Math.Min(entries[^1].LastFileLength, long.MaxValue / 2);
        if (editor.Length < length)
        {
            editor.SetLength(length);
        }

        byte[] zeroes = new byte[ZeroLength];
        foreach (VhdxLogEntry entry in entries)
        {
            foreach (VhdxLogChange change in entry.Changes)
            {
                Apply(editor, change, zeroes);
            }
        }

        editor.Flush();
        header = Write(editor, header.Next(fileWriteId, header.DataWriteId, Guid.Empty));
        Write(editor, header.Next(fileWriteId, header.DataWriteId, Guid.Empty));
    }

    private static void Apply(ImageEditor editor, VhdxLogChange change, byte[] zeroes)
    {
        if (change.Page is { } page)
        {
            editor.Write(page, change.FileOffset);
            return;
        }

        // What lies behind the end of the file is zero by itself.
        for (long offset = change.FileOffset; offset < Math.Min(change.End, editor.Length);)
        {
            int count = (int)Math.Min(zeroes.Length, Math.Min(change.End, editor.Length) - offset);
            editor.Write(zeroes.AsSpan(0, count), offset);
            offset += count;
        }
    }

    private static VhdxHeader Write(ImageEditor editor, VhdxHeader header)
    {
        editor.Write(header.ToArray(), header.FileOffset);
        editor.Flush();
        return header;
    }
}
