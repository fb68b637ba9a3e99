using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Verification;

/// <summary>When packs were last read and found good, and the checksum that the store had for them then. Kept in <c>v/</c>.</summary>
internal sealed class VerifyMemory
{
    private readonly Dictionary<PackId, (DateTimeOffset VerifiedAt, byte[] Checksum)> _packs = [];

    public static async ValueTask<VerifyMemory> ReadAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        string? newest = null;
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Reports, null, cancellationToken).ConfigureAwait(false))
        {
            newest = info.Name;
        }

        VerifyMemory memory = new();
        if (newest is not null && await context.TryReadRecordAsync(newest, RecordKind.VerifyReport, cancellationToken).ConfigureAwait(false) is { } body)
        {
            memory.Read(newest, body.Span);
        }

        return memory;
    }

    public static byte[] Describe(ObjectChecksum checksum) =>
        checksum.Kind == ObjectChecksumKind.None ? [] : [(byte)checksum.Kind, .. checksum.Value];

    public DateTimeOffset VerifiedAt(PackId pack) => _packs.TryGetValue(pack, out (DateTimeOffset VerifiedAt, byte[] Checksum) known) ? known.VerifiedAt : DateTimeOffset.MinValue;

    public byte[] ChecksumOf(PackId pack) => _packs.TryGetValue(pack, out (DateTimeOffset VerifiedAt, byte[] Checksum) known) ? known.Checksum : [];

    public void Note(PackId pack, DateTimeOffset verifiedAt, byte[] checksum)
    {
        lock (_packs)
        {
            _packs[pack] = (verifiedAt, checksum);
        }
    }

    /// <summary>Forgets packs that are gone.</summary>
    public void KeepOnly(HashSet<PackId> packs)
    {
        foreach (PackId pack in _packs.Keys)
        {
            if (!packs.Contains(pack))
            {
                _packs.Remove(pack);
            }
        }
    }

    /// <summary>Writes the memory as a new object, whose name sorts behind the older ones.</summary>
    public async ValueTask WriteAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        RecordWriter writer = new();
        writer.UInt32(_packs.Count);
        foreach ((PackId pack, (DateTimeOffset verifiedAt, byte[] checksum)) in _packs)
        {
            writer.Pack(pack).Int64(verifiedAt.UtcTicks / TimeSpan.TicksPerMicrosecond).Block(checksum);
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"{ObjectNames.Reports}{context.TimeProvider.GetUtcNow():yyyyMMddHHmmssffffff}-{SessionId.NewRandom()}");
        await context.TryCreateRecordAsync(name, RecordKind.VerifyReport, writer.Written, cancellationToken).ConfigureAwait(false);
        await context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private void Read(string name, ReadOnlySpan<byte> body)
    {
        RecordReader reader = new(name, body);
        uint count = reader.UInt32();
        for (uint index = 0; index < count; index++)
        {
            PackId pack = reader.Pack();
            long microseconds = reader.Int64();
            if (microseconds < 0 || microseconds > DateTimeOffset.MaxValue.UtcTicks / TimeSpan.TicksPerMicrosecond)
            {
                throw reader.Corrupt("a time is impossible.");
            }

            _packs[pack] = (new DateTimeOffset(microseconds * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero), reader.Block().ToArray());
        }

        reader.End();
    }
}
