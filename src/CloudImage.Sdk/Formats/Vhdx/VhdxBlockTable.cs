using System.Threading;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Where the blocks of a new disk lie: room for all is taken only where some are stored. Thread-safe.</summary>
internal sealed class VhdxBlockTable
{
    /// <summary>Nothing was written to the block.</summary>
    public const int None = 0;

    /// <summary>The block was made zero as a whole, over a parent.</summary>
    public const int Zero = -1;

    private const int PageLength = 4096;
    private readonly Lock _lock = new();
    private readonly int[]?[] _pages;
    private readonly int _unitsInBlock;
    private readonly bool _isFixed;
    private int _end;

    /// <summary>Makes a table.</summary>
    /// <param name="blockCount">Blocks of the disk.</param>
    /// <param name="blockSize">Size of a block in bytes.</param>
    /// <param name="firstOffset">Position of the first block in the file, a multiple of 1 MiB.</param>
    /// <param name="isFixed">Whether every block has its place from the start.</param>
    public VhdxBlockTable(long blockCount, int blockSize, long firstOffset, bool isFixed)
    {
        _pages = new int[]?[isFixed ? 0 : (blockCount + PageLength - 1) / PageLength];
        _unitsInBlock = blockSize / VhdxConstants.MiB;
        _isFixed = isFixed;
        FirstUnit = (int)(firstOffset / VhdxConstants.MiB);
        _end = checked((int)(FirstUnit + (isFixed ? blockCount * _unitsInBlock : 0)));
    }

    /// <summary>Position behind the last block, in bytes.</summary>
    public long End => (long)_end * VhdxConstants.MiB;

    private int FirstUnit { get; }

    /// <summary>Position of a block in MiB, or <see cref="None"/> or <see cref="Zero"/>.</summary>
    public int this[long block] => _isFixed ? checked((int)(FirstUnit + (block * _unitsInBlock))) : _pages[block / PageLength] is { } page ? Volatile.Read(ref page[block % PageLength]) : None;

    /// <summary>Gives a block a place where it has none.</summary>
    /// <returns>Its position in MiB, and what was there before.</returns>
    public (int Unit, int Before) Allocate(long block)
    {
        int before = this[block];
        if (before > 0)
        {
            return (before, before);
        }

        lock (_lock)
        {
            int[] page = PageOf(block);
            before = page[block % PageLength];
            if (before > 0)
            {
                return (before, before);
            }

            int unit = _end;
            _end = checked(_end + _unitsInBlock);
            Volatile.Write(ref page[block % PageLength], unit);
            return (unit, before);
        }
    }

    /// <summary>Notes that a block without a place is zero.</summary>
    /// <returns>Whether it has none; otherwise its bytes have to be written.</returns>
    public bool TrySetZero(long block)
    {
        lock (_lock)
        {
            int[] page = PageOf(block);
            if (page[block % PageLength] > 0)
            {
                return false;
            }

            page[block % PageLength] = Zero;
            return true;
        }
    }

    private int[] PageOf(long block) => _pages[block / PageLength] ??= new int[PageLength];
}
