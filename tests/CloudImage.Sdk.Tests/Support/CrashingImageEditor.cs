using System;
using System.Collections.Generic;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>An existing container on an imagined medium whose power can fail at any call.</summary>
/// <remarks>
/// The medium writes sectors of 512 bytes whole or not at all, and in any order between two flushes. A write behind the
/// end makes the file longer when a sector of it arrives.
/// </remarks>
public sealed class CrashingImageEditor : ImageEditor
{
    private const int SectorSize = 512;
    private readonly int _callsBeforeFault;
    private readonly List<(long Offset, byte[]? Content)> _unflushed = [];
    private byte[] _durable;
    private byte[] _current;

    /// <param name="content">What the container holds at first.</param>
    /// <param name="callsBeforeFault">How many changing calls succeed.</param>
    public CrashingImageEditor(byte[] content, int callsBeforeFault = int.MaxValue)
    {
        _durable = [.. content];
        _current = [.. content];
        _callsBeforeFault = callsBeforeFault;
    }

    /// <summary>How many changing calls were made.</summary>
    public int Calls { get; private set; }

    public override long Length => _current.Length;

    /// <summary>The content, with everything that was written.</summary>
    public byte[] ToArray() => [.. _current];

    public override int Read(Span<byte> buffer, long fileOffset)
    {
        int count = (int)Math.Clamp(_current.Length - fileOffset, 0, buffer.Length);
        _current.AsSpan((int)Math.Min(fileOffset, _current.Length), count).CopyTo(buffer);
        return count;
    }

    public override void Write(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        bool fails = Calls >= _callsBeforeFault;
        for (int done = 0; done < buffer.Length;)
        {
            // The medium's sectors are where they are, whatever the write's own bounds.
            int count = (int)Math.Min(buffer.Length - done, SectorSize - ((fileOffset + done) % SectorSize));
            _unflushed.Add((fileOffset + done, buffer.Slice(done, count).ToArray()));
            done += count;
        }

        Count(fails);
        Apply(ref _current, fileOffset, buffer);
    }

    public override void Flush()
    {
        Count(Calls >= _callsBeforeFault);
        _durable = [.. _current];
        _unflushed.Clear();
    }

    public override void SetLength(long length)
    {
        bool fails = Calls >= _callsBeforeFault;
        _unflushed.Add((length, null));
        Count(fails);
        Array.Resize(ref _current, (int)length);
    }

    /// <summary>What is found after the power came back, when each unflushed sector arrived or not.</summary>
    public byte[] ContentAfterCrash(Func<int, bool> arrived)
    {
        byte[] content = [.. _durable];
        for (int index = 0; index < _unflushed.Count; index++)
        {
            if (!arrived(index))
            {
                continue;
            }

            (long offset, byte[]? bytes) = _unflushed[index];
            if (bytes is null)
            {
                Array.Resize(ref content, (int)offset);
            }
            else
            {
                Apply(ref content, offset, bytes);
            }
        }

        return content;
    }

    /// <summary>Makes a change again and again, with the power failing at each call in turn, and looks at what may be found then.</summary>
    /// <param name="content">The container before the change.</param>
    /// <param name="change">The change.</param>
    /// <param name="check">Looks at what is found.</param>
    /// <param name="seed">Chooses which sectors arrive.</param>
    public static void TryEveryCrash(byte[] content, Action<ImageEditor> change, Action<byte[], string> check, int seed)
    {
        CrashingImageEditor whole = new(content);
        change(whole);
        for (int calls = 0; calls < whole.Calls; calls++)
        {
            CrashingImageEditor editor = new(content, calls);
            Xunit.Assert.Throws<FaultException>(() => change(editor));
            Random random = new(seed + calls);
            check(editor.ContentAfterCrash(static _ => false), $"call {calls}, nothing arrived");
            check(editor.ContentAfterCrash(static _ => true), $"call {calls}, everything arrived");
            check(editor.ContentAfterCrash(_ => random.Next(2) == 0), $"call {calls}, half arrived, seed {seed}");
            check(editor.ContentAfterCrash(_ => random.Next(8) == 0), $"call {calls}, little arrived, seed {seed}");
        }
    }

    private static void Apply(ref byte[] content, long offset, ReadOnlySpan<byte> bytes)
    {
        if (offset + bytes.Length > content.Length)
        {
            Array.Resize(ref content, (int)(offset + bytes.Length));
        }

        bytes.CopyTo(content.AsSpan((int)offset));
    }

    private void Count(bool fails)
    {
        Calls++;
        if (fails)
        {
            throw new FaultException();
        }
    }
}
