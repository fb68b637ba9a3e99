#pragma warning disable CA1835, CA2022 // The doors of the stream are what is tested here, each of them.
using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Disks;

/// <summary>What every stream must do that reads and seeks and does not write, here on the stream of a disk.</summary>
public sealed class DiskStreamTests : IDisposable
{
    private readonly TestDisk _disk = TestDisk.Random(31, 300_001, 4096, false);
    private readonly byte[] _content;

    public DiskStreamTests() => _content = _disk.ToArray();

    public static TheoryData<string> ReadModes => ["span", "array", "async-memory", "async-array", "byte", "begin-end"];

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void Capabilities_AreReadAndSeek()
    {
        using Stream stream = _disk.AsStream();
        Assert.True(stream.CanRead);
        Assert.True(stream.CanSeek);
        Assert.False(stream.CanWrite);
        Assert.False(stream.CanTimeout);
        Assert.Equal(_content.Length, stream.Length);
        Assert.Equal(0, stream.Position);
    }

    [Theory]
    [MemberData(nameof(ReadModes))]
    public async Task Read_ToTheEnd_GivesTheContent(string mode)
    {
        using Stream stream = _disk.AsStream();
        byte[] all = new byte[_content.Length];
        int total = 0;
        Random random = new(1);
        while (true)
        {
            int wanted = mode == "byte" ? 1 : 1 + random.Next(20_000);
            byte[] piece = new byte[wanted];
            int count = await ReadAsync(stream, piece, mode);
            if (count == 0)
            {
                break;
            }

            piece.AsSpan(0, count).CopyTo(all.AsSpan(total));
            total += count;
            Assert.Equal(total, stream.Position);
        }

        Assert.Equal(_content.Length, total);
        Assert.True(_content.AsSpan().SequenceEqual(all));
        Assert.Equal(0, await ReadAsync(stream, new byte[1], mode));
    }

    [Theory]
    [MemberData(nameof(ReadModes))]
    public async Task Read_BeyondTheEnd_GivesNothing(string mode)
    {
        using Stream stream = _disk.AsStream();
        stream.Position = _content.Length + 1000L;
        Assert.Equal(0, await ReadAsync(stream, new byte[10], mode));
        Assert.Equal(_content.Length + 1000L, stream.Position);
    }

    [Fact]
    public void Read_OfNoBytes_GivesNothingAndStays()
    {
        using Stream stream = _disk.AsStream();
        Assert.Equal(0, stream.Read([], 0, 0));
        Assert.Equal(0, stream.Read(Span<byte>.Empty));
        Assert.Equal(0, stream.Position);
    }

    [Fact]
    public void Read_WithWrongArguments_Throws()
    {
        using Stream stream = _disk.AsStream();
        byte[] buffer = new byte[4];
        Assert.Throws<ArgumentNullException>(() => stream.Read(null!, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Read(buffer, -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Read(buffer, 0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Read(buffer, 2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Read(buffer, 5, 0));
        Assert.Throws<ArgumentNullException>(() => { _ = stream.ReadAsync(null!, 0, 1, CancellationToken.None); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = stream.ReadAsync(buffer, 2, 3, CancellationToken.None); });
    }

    [Fact]
    public void Seek_FromEveryOrigin_Moves()
    {
        using Stream stream = _disk.AsStream();
        Assert.Equal(100, stream.Seek(100, SeekOrigin.Begin));
        Assert.Equal(150, stream.Seek(50, SeekOrigin.Current));
        Assert.Equal(120, stream.Seek(-30, SeekOrigin.Current));
        Assert.Equal(_content.Length - 1, stream.Seek(-1, SeekOrigin.End));
        Assert.Equal(_content[^1], stream.ReadByte());
        Assert.Equal(-1, stream.ReadByte());
        Assert.Equal(_content.Length + 7, stream.Seek(7, SeekOrigin.End));
        Assert.Equal(0, stream.Seek(0, SeekOrigin.Begin));
        Assert.Equal(_content[0], stream.ReadByte());
    }

    [Fact]
    public void Seek_ToANegativePosition_ThrowsAndStays()
    {
        using Stream stream = _disk.AsStream();
        stream.Position = 5;
        Assert.Throws<IOException>(() => stream.Seek(-1, SeekOrigin.Begin));
        Assert.Throws<IOException>(() => stream.Seek(-6, SeekOrigin.Current));
        Assert.Throws<IOException>(() => stream.Seek(-_content.Length - 1, SeekOrigin.End));
        Assert.Throws<ArgumentException>(() => stream.Seek(0, (SeekOrigin)9));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Position = -1);
        Assert.Equal(5, stream.Position);
    }

    [Fact]
    public void Write_AndSetLength_AreNotSupported()
    {
        using Stream stream = _disk.AsStream();
        Assert.Throws<NotSupportedException>(() => stream.Write(new byte[1], 0, 1));
        Assert.Throws<NotSupportedException>(() => stream.Write(new byte[1].AsSpan()));
        Assert.Throws<NotSupportedException>(() => stream.WriteByte(1));
        Assert.Throws<NotSupportedException>(() => stream.SetLength(1));
        stream.Flush();
    }

    [Fact]
    public async Task EverythingAfterDispose_Throws()
    {
        Stream stream = _disk.AsStream();
        stream.Dispose();
        stream.Dispose();
        Assert.False(stream.CanRead);
        Assert.False(stream.CanSeek);
        Assert.Throws<ObjectDisposedException>(() => stream.Length);
        Assert.Throws<ObjectDisposedException>(() => stream.Position);
        Assert.Throws<ObjectDisposedException>(() => stream.Position = 0);
        Assert.Throws<ObjectDisposedException>(() => stream.Seek(0, SeekOrigin.Begin));
        Assert.Throws<ObjectDisposedException>(() => stream.Read(new byte[1], 0, 1));
        Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await stream.ReadAsync(new byte[1], CancellationToken.None));
        Assert.Equal(1, _disk.Read(new byte[1], 0));
    }

    [Fact]
    public async Task ReadAsync_Cancelled_ThrowsAndStays()
    {
        using Stream stream = _disk.AsStream();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await stream.ReadAsync(new byte[10], new CancellationToken(true)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await stream.ReadAsync(new byte[10], 0, 10, new CancellationToken(true)));
        Assert.Equal(0, stream.Position);
    }

    [Fact]
    public async Task CopyTo_FromAnywhere_GivesTheRest()
    {
        using Stream stream = _disk.AsStream();
        stream.Position = 1000;
        using MemoryStream copy = new();
        stream.CopyTo(copy, 777);
        Assert.True(_content.AsSpan(1000).SequenceEqual(copy.ToArray()));
        stream.Position = 2000;
        using MemoryStream second = new();
        await stream.CopyToAsync(second, 999, TestContext.Current.CancellationToken);
        Assert.True(_content.AsSpan(2000).SequenceEqual(second.ToArray()));
    }

    [Fact]
    public void TwoStreams_HavePositionsOfTheirOwn()
    {
        using Stream first = _disk.AsStream();
        using Stream second = _disk.AsStream();
        first.Position = 10;
        Assert.Equal(0, second.Position);
        Assert.Equal(_content[0], second.ReadByte());
        Assert.Equal(_content[10], first.ReadByte());
    }

    private static async Task<int> ReadAsync(Stream stream, byte[] buffer, string mode)
    {
        CancellationToken none = CancellationToken.None;
        switch (mode)
        {
            case "span":
                return stream.Read(buffer.AsSpan());
            case "array":
                return stream.Read(buffer, 0, buffer.Length);
            case "async-memory":
                return await stream.ReadAsync(buffer.AsMemory(), none);
            case "async-array":
                return await stream.ReadAsync(buffer, 0, buffer.Length, none);
            case "begin-end":
                return await Task<int>.Factory.FromAsync(stream.BeginRead, stream.EndRead, buffer, 0, buffer.Length, null);
            default:
                int value = stream.ReadByte();
                buffer[0] = (byte)value;
                return value < 0 ? 0 : 1;
        }
    }
}
