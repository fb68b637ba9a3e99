using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>A disk in memory whose holes are known, and which counts what is read of it.</summary>
internal sealed class ModelDisk : VirtualDisk
{
    private const int Grain = 4096;
    private readonly byte[] _content;
    private readonly DiskExtentKind[] _kinds;
    private long _readBytes;

    public ModelDisk(byte[] content)
    {
        _content = content;
        _kinds = new DiskExtentKind[(content.Length + Grain - 1) / Grain];
        for (int index = 0; index < _kinds.Length; index++)
        {
            ReadOnlySpan<byte> grain = content.AsSpan(index * Grain, Math.Min(Grain, content.Length - (index * Grain)));
            _kinds[index] = grain.ContainsAnyExcept((byte)0) ? DiskExtentKind.Data : DiskExtentKind.Zero;
        }

        Info = new DiskInfo { FormatName = "model", VirtualSize = content.Length };
    }

    public byte[] Content => _content;

    public long ReadBytes => Interlocked.Read(ref _readBytes);

    public bool IsRemote { get; init; }

    /// <summary>The ranges that were read, for tests that ask what was not.</summary>
    public List<(long Offset, int Length)> Reads { get; } = [];

    public override DiskInfo Info { get; }

    public override long Length => _content.Length;

    public override bool IsLocal => !IsRemote;

    public void SetKind(int grain, DiskExtentKind kind) => _kinds[grain] = kind;

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (IsRemote && mode == IoMode.Asynchronous)
        {
            await Task.Yield();
        }

        Interlocked.Add(ref _readBytes, buffer.Length);
        lock (Reads)
        {
            Reads.Add((offset, buffer.Length));
        }

        _content.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
        return buffer.Length;
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        int grain = (int)(offset / Grain);
        long end = Math.Min(((long)grain + 1) * Grain, offset + length);
        return ValueTask.FromResult(new DiskPlacement(offset, end - offset, _kinds[grain]));
    }
}
