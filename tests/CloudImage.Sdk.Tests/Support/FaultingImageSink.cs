using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A sink on an imagined disk whose power can fail at any call: it remembers what was written, what was flushed and whether a name was given.</summary>
/// <remarks>
/// The order of calls is the model of <see cref="FileImageSink"/>: completing flushes and then publishes. After the
/// chosen number of calls every further one fails, as it does for a process whose disk is gone.
/// </remarks>
public sealed class FaultingImageSink : ImageSink
{
    private readonly Lock _lock = new();
    private readonly List<(long Offset, byte[] Content)> _unflushed = [];
    private readonly Medium _medium;
    private readonly int _callsBeforeFault;
    private long? _unflushedLength;

    /// <param name="callsBeforeFault">How many calls succeed.</param>
    /// <param name="isSequential">Whether it is a pipe.</param>
    public FaultingImageSink(int callsBeforeFault, bool isSequential = false)
        : this(new Medium(), string.Empty, callsBeforeFault, isSequential)
    {
    }

    private FaultingImageSink(Medium medium, string name, int callsBeforeFault, bool isSequential)
    {
        _medium = medium;
        _callsBeforeFault = callsBeforeFault;
        IsSequential = isSequential;
        Name = name.Length == 0 ? "disk" : name;
    }

    public override bool IsSequential { get; }

    public override bool IsLocal => true;

    public override string Name { get; }

    /// <summary>How many calls were made, with those to its siblings.</summary>
    public int Calls => _medium.Calls;

    /// <summary>What is found after the power came back: content by name, of what was published.</summary>
    public IReadOnlyDictionary<string, byte[]> Published => _medium.Published;

    /// <summary>The content on the medium, published or not, if the unflushed writes in <paramref name="kept"/> reached it too.</summary>
    public byte[] ContentAfterCrash(Func<int, bool> kept)
    {
        MemoryStream content = new();
        content.Write(_medium.Durable.GetValueOrDefault(Name, []));
        for (int index = 0; index < _unflushed.Count; index++)
        {
            if (kept(index))
            {
                content.Position = _unflushed[index].Offset;
                content.Write(_unflushed[index].Content);
            }
        }

        return content.ToArray();
    }

    public override ImageSink CreateSibling(string name) => new FaultingImageSink(_medium, name, _callsBeforeFault, IsSequential);

    protected override void WriteCore(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        lock (_lock)
        {
            if (_medium.Calls >= _callsBeforeFault && buffer.Length > 1)
            {
                // Torn: the first half arrives before the power goes.
                _unflushed.Add((fileOffset, buffer[..(buffer.Length / 2)].ToArray()));
            }

            Count();
            _unflushed.Add((fileOffset, buffer.ToArray()));
        }
    }

    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        WriteCore(buffer.Span, fileOffset);
        return ValueTask.CompletedTask;
    }

    protected override ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Count();
            Flush();
        }

        return ValueTask.CompletedTask;
    }

    protected override void SetLengthCore(long length)
    {
        lock (_lock)
        {
            Count();
            _unflushedLength = length;
        }
    }

    protected override ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Count();
            Flush();
            Count();
            _medium.Published[Name] = _medium.Durable[Name];
        }

        return ValueTask.CompletedTask;
    }

    private void Flush()
    {
        byte[] content = ContentAfterCrash(static _ => true);
        if (_unflushedLength is { } length)
        {
            Array.Resize(ref content, (int)Math.Max(length, length < content.Length ? length : content.Length));
        }

        _medium.Durable[Name] = content;
        _unflushed.Clear();
        _unflushedLength = null;
    }

    private void Count()
    {
        if (Interlocked.Increment(ref _medium.Calls) > _callsBeforeFault)
        {
            throw new FaultException();
        }
    }

    private sealed class Medium
    {
        public int Calls;

        public Dictionary<string, byte[]> Durable { get; } = [];

        public Dictionary<string, byte[]> Published { get; } = [];
    }
}
