using System;
using System.Collections.Generic;
using System.Linq;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>A page blob, or a snapshot of one: a map of pages. A page that is written is a new object, so that two maps differ by reference.</summary>
internal sealed class FakePageBlob
{
    public const int PageSize = 512;

    private readonly SortedList<long, byte[]> _pages;

    public FakePageBlob(long length)
        : this(length, new SortedList<long, byte[]>())
    {
    }

    private FakePageBlob(long length, SortedList<long, byte[]> pages)
    {
        Length = length;
        _pages = pages;
    }

    public long Length { get; }

    /// <summary>Told apart from other blobs that had the same name.</summary>
    public Guid Life { get; init; } = Guid.NewGuid();

    public string Tag { get; private set; } = NewTag();

    public Dictionary<string, string> Metadata { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    public SortedDictionary<string, FakePageBlob> Snapshots { get; } = new(StringComparer.Ordinal);

    public long SequenceNumber { get; set; }

    public int PageCount => _pages.Count;

    public void Write(ReadOnlySpan<byte> content, long offset)
    {
        for (int start = 0; start < content.Length; start += PageSize)
        {
            _pages[(offset + start) / PageSize] = content.Slice(start, PageSize).ToArray();
        }

        Touch();
    }

    public void Clear(long offset, long length)
    {
        foreach (long page in _pages.Keys.Where(page => page >= offset / PageSize && page < (offset + length) / PageSize).ToArray())
        {
            _pages.Remove(page);
        }

        Touch();
    }

    public void Touch() => Tag = NewTag();

    public byte[] Read(long offset, long length)
    {
        byte[] content = new byte[length];
        for (long position = offset; position < offset + length;)
        {
            int inPage = (int)(position % PageSize);
            int count = (int)Math.Min(PageSize - inPage, offset + length - position);
            if (_pages.TryGetValue(position / PageSize, out byte[]? page))
            {
                page.AsSpan(inPage, count).CopyTo(content.AsSpan((int)(position - offset)));
            }

            position += count;
        }

        return content;
    }

    public FakePageBlob Copy() => new(Length, new SortedList<long, byte[]>(_pages)) { Life = Life, Metadata = new(Metadata, StringComparer.OrdinalIgnoreCase) };

    /// <summary>Ranges of pages within a window; against an older map those that were written since, and those that are gone.</summary>
    public List<(long Start, long End, bool IsClear)> Ranges(long start, long end, FakePageBlob? older)
    {
        IEnumerable<(long Page, bool IsClear)> pages = _pages.Where(pair => older is null || !older._pages.TryGetValue(pair.Key, out byte[]? before) || !ReferenceEquals(before, pair.Value)).Select(static pair => (Page: pair.Key, IsClear: false));
        if (older is not null)
        {
            pages = pages.Concat(older._pages.Keys.Where(page => !_pages.ContainsKey(page)).Select(static page => (Page: page, IsClear: true))).OrderBy(static item => item.Page);
        }

        List<(long Start, long End, bool IsClear)> ranges = [];
        foreach ((long page, bool isClear) in pages)
        {
            long from = page * PageSize;
            if (from + PageSize <= start || from >= end)
            {
                continue;
            }

            if (ranges.Count > 0 && ranges[^1].End == from && ranges[^1].IsClear == isClear)
            {
                ranges[^1] = (ranges[^1].Start, from + PageSize, isClear);
            }
            else
            {
                ranges.Add((from, from + PageSize, isClear));
            }
        }

        return ranges;
    }

    private static string NewTag() => $"\"0x{Guid.NewGuid().ToString("N")[..15].ToUpperInvariant()}\"";
}
