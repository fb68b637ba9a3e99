using System.Collections.Generic;
using System.Linq;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Which bytes of one unit of allocation were written, as long as some are missing. Not thread-safe.</summary>
internal sealed class Qcow2Coverage
{
    private readonly RangeSet _ranges = new();

    public Qcow2Coverage(int length) => Length = length;

    /// <summary>Bytes of the unit that lie within the disk.</summary>
    public int Length { get; }

    public bool IsComplete => !Gaps().Any();

    public void Add(int offset, int length) => _ranges.Add(offset, length);

    public IEnumerable<(long Offset, long Length)> Gaps() => _ranges.Gaps(Length);
}
