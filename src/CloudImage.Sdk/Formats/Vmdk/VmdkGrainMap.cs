using System.Threading;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Grain tables of a disk that is being written: made when they are first needed, so that a sparse disk costs little.</summary>
internal sealed class VmdkGrainMap
{
    private const int TablesPerChunk = 4096;
    private readonly uint[]?[]?[] _chunks;

    public VmdkGrainMap(long tableCount)
    {
        TableCount = tableCount;
        _chunks = new uint[]?[]?[(int)((tableCount + TablesPerChunk - 1) / TablesPerChunk)];
    }

    public long TableCount { get; }

    /// <summary>The table of a number; null where no grain of it was set.</summary>
    public uint[]? Find(long table) => Volatile.Read(ref _chunks[table / TablesPerChunk])?[table % TablesPerChunk];

    public uint Get(long grain) => Find(grain / VmdkConstants.TableEntries) is { } table ? Volatile.Read(ref table[grain % VmdkConstants.TableEntries]) : 0;

    /// <summary>Sets an entry. One caller at a time.</summary>
    public void Set(long grain, uint sector)
    {
        long number = grain / VmdkConstants.TableEntries;
        uint[]?[] chunk = _chunks[number / TablesPerChunk] ??= new uint[]?[TablesPerChunk];
        uint[] table = chunk[number % TablesPerChunk] ??= new uint[VmdkConstants.TableEntries];
        Volatile.Write(ref table[grain % VmdkConstants.TableEntries], sector);
    }

    /// <summary>The first table from a number on that has a grain; the count of tables where there is none.</summary>
    public long NextPresent(long table)
    {
        while (table < TableCount)
        {
            uint[]?[]? chunk = _chunks[table / TablesPerChunk];
            if (chunk is null)
            {
                table = (table / TablesPerChunk + 1) * TablesPerChunk;
            }
            else if (chunk[table % TablesPerChunk] is null)
            {
                table++;
            }
            else
            {
                return table;
            }
        }

        return TableCount;
    }
}
