using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Text;
using CloudImage.Sdk.Formats.Archives;

namespace CloudImage.Sdk.Tests.Formats.Archives;

/// <summary>Makes tar archives by hand, also ones that no honest program makes.</summary>
internal sealed class TarBuilder
{
    private readonly List<byte> _archive = [];

    public TarBuilder Add(string name, byte[] content, byte type = TarConstants.TypeFile, long? size = null, Action<byte[]>? change = null, byte[]? extensions = null)
    {
        byte[] header = new byte[TarConstants.BlockSize];
        TarHeaderWriter.Write(header, name, type, size ?? content.Length, 0);
        change?.Invoke(header);
        TarHeaderWriter.WriteChecksum(header);
        _archive.AddRange(header);
        _archive.AddRange(extensions ?? []);
        _archive.AddRange(content);
        _archive.AddRange(new byte[-content.Length & (TarConstants.BlockSize - 1)]);
        return this;
    }

    public TarBuilder Add(string name, string content) => Add(name, Encoding.UTF8.GetBytes(content));

    public TarBuilder AddPax(string records) => Add("PaxHeaders/x", Encoding.UTF8.GetBytes(records), TarConstants.TypePax);

    public TarBuilder AddRaw(byte[] bytes)
    {
        _archive.AddRange(bytes);
        return this;
    }

    public byte[] Build(bool isMarked = true)
    {
        if (isMarked)
        {
            _archive.AddRange(new byte[2 * TarConstants.BlockSize]);
        }

        return _archive.ToArray();
    }

    public byte[] BuildGzip() => Gzip(Build());

    public static byte[] Gzip(byte[] plain)
    {
        using MemoryStream target = new();
        using (GZipStream gzip = new(target, CompressionLevel.Fastest, true))
        {
            gzip.Write(plain);
        }

        return target.ToArray();
    }

    /// <summary>A pax record, whose length counts itself.</summary>
    public static string Record(string key, string value)
    {
        int rest = Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value) + 3;
        int length = rest + 1;
        while (length != rest + length.ToString().Length)
        {
            length++;
        }

        return $"{length} {key}={value}\n";
    }

    /// <summary>The fields of an old GNU sparse header.</summary>
    public static Action<byte[]> Sparse(long realSize, bool isExtended, params (long Offset, long Length)[] entries) => header =>
    {
        TarNumber.Write(header.AsSpan(TarConstants.SparseRealSizeOffset, 12), realSize);
        header[TarConstants.SparseIsExtendedOffset] = (byte)(isExtended ? 1 : 0);
        for (int index = 0; index < entries.Length; index++)
        {
            TarNumber.Write(header.AsSpan(TarConstants.SparseEntriesOffset + (24 * index), 12), entries[index].Offset);
            TarNumber.Write(header.AsSpan(TarConstants.SparseEntriesOffset + (24 * index) + 12, 12), entries[index].Length);
        }
    };
}
