using System;
using System.Buffers.Binary;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using CloudImage.Sdk.Hashing;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The ledger of an upload that can go on later, in a file.</summary>
/// <remarks>
/// <para>Little endian. Three records, each with its SHA-256 as the last 32 bytes and written once: 4096 bytes with the upload's parameters
/// and client token (the file appears with it, by rename); at 4096, 512 bytes with the snapshot's id, durable before the first block is sent; at
/// 4608, 512 bytes that tell that completion was asked for. From 8192 on, 40 bytes for each block: digest, state, CRC-32C over the
/// block's index, digest and state. Zeros: never sent.</para>
/// <para>A block is noted as begun before it is sent, so that a run that goes on knows of every block that the service may hold. A note
/// that tore counts as begun. Taking back an acknowledgement is durable before the block is sent anew; the rest survives the process,
/// and after a loss of power the digest over all blocks at completion tells what is missing.</para>
/// </remarks>
internal sealed class EbsJournal : EbsLedger
{
    private const int HeaderLength = 4096;
    private const int RecordLength = 512;
    private const int StartOffset = 4096;
    private const int CompletionOffset = 4608;
    private const int SlotsOffset = 8192;
    private const int SlotLength = 40;
    private const uint BegunState = 1;
    private const uint AcknowledgedState = 2;
    private const int TextRoom = 2 + 64;

    private readonly SafeFileHandle _file;
    private readonly string _path;

    private EbsJournal(SafeFileHandle file, string path, int blockCount)
        : base(blockCount)
    {
        _file = file;
        _path = path;
    }

    private static ReadOnlySpan<byte> Magic => "CIEBSUP1"u8;

    /// <summary>Opens the journal of an upload, or begins one.</summary>
    /// <exception cref="EbsJournalException">The file is no journal, is damaged, in use, or that of another upload.</exception>
    public static EbsJournal Open(string path, int volumeSize, string? parentId, string region)
    {
        try
        {
            if (!File.Exists(path))
            {
                Create(path, volumeSize, parentId, region);
            }

            SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            try
            {
                return Read(file, path, volumeSize, parentId, region);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (IOException exception) when (exception is not CloudImageException)
        {
            throw new EbsJournalException($"The journal '{path}' cannot be opened: {exception.Message} Another upload may be using it.", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new EbsJournalException($"The journal '{path}' cannot be opened: {exception.Message}", exception);
        }
    }

    public override void Start(string snapshotId)
    {
        base.Start(snapshotId);
        WriteRecord(StartOffset, snapshotId);
    }

    public override void BeginCompletion() => WriteRecord(CompletionOffset, "complete");

    public override void Delete()
    {
        _file.Dispose();
        File.Delete(_path);
    }

    public override void Dispose()
    {
        if (!_file.IsClosed)
        {
            RandomAccess.FlushToDisk(_file);
            _file.Dispose();
        }
    }

    protected override ContentDigest ReadDigest(int block)
    {
        Span<byte> slot = stackalloc byte[SlotLength];
        if (RandomAccess.Read(_file, slot, SlotOffset(block)) != SlotLength || !IsWhole(slot, block))
        {
            throw new EbsJournalException($"The journal '{_path}' is damaged at block {block}. Delete it and upload anew.");
        }

        return new ContentDigest(slot[..ContentDigest.SizeInBytes]);
    }

    protected override void WriteBegun(int block, bool wasAcknowledged)
    {
        WriteSlot(block, default, BegunState);
        if (wasAcknowledged)
        {
            RandomAccess.FlushToDisk(_file);
        }
    }

    protected override void WriteDigest(int block, ContentDigest digest) => WriteSlot(block, digest, AcknowledgedState);

    private static void Create(string path, int volumeSize, string? parentId, string region)
    {
        byte[] header = new byte[HeaderLength];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), volumeSize);
        WriteText(header.AsSpan(16), Guid.NewGuid().ToString("N"));
        WriteText(header.AsSpan(16 + TextRoom), parentId ?? string.Empty);
        WriteText(header.AsSpan(16 + (2 * TextRoom)), region);
        Seal(header);
        string pending = $"{path}.{Guid.NewGuid():N}.new";
        try
        {
            using (SafeFileHandle file = File.OpenHandle(pending, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, header, 0);
                RandomAccess.FlushToDisk(file);
            }

            File.Move(pending, path, false);
        }
        finally
        {
            File.Delete(pending);
        }
    }

    private static EbsJournal Read(SafeFileHandle file, string path, int volumeSize, string? parentId, string region)
    {
        byte[] header = new byte[HeaderLength];
        if (RandomAccess.Read(file, header, 0) != header.Length || !header.AsSpan().StartsWith(Magic) || !IsSealed(header))
        {
            throw new EbsJournalException($"'{path}' is no journal of an upload, or is damaged at its start. Name another file, or delete it and upload anew.");
        }

        int ownSize = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(8));
        string ownParent = ReadText(header.AsSpan(16 + TextRoom));
        string ownRegion = ReadText(header.AsSpan(16 + (2 * TextRoom)));
        if (ownSize != volumeSize || ownParent != (parentId ?? string.Empty) || ownRegion != region)
        {
            throw new EbsJournalException(
                $"The journal '{path}' is that of another upload: {ownSize} GiB in {ownRegion} on {(ownParent.Length == 0 ? "no parent" : ownParent)}, and {volumeSize} GiB in {region} on {parentId ?? "no parent"} was asked for. Name another file, or delete it.");
        }

        EbsJournal journal = new(file, path, checked(volumeSize * EbsConstants.BlocksPerGiB)) { ClientToken = ReadText(header.AsSpan(16)) };
        journal.SnapshotId = journal.ReadRecord(StartOffset);
        journal.WasCompleting = journal.ReadRecord(CompletionOffset) is not null;
        journal.ReadSlots(volumeSize * EbsConstants.BlocksPerGiB);
        return journal;
    }

    private void ReadSlots(int blockCount)
    {
        byte[] buffer = new byte[SlotLength * 16_384];
        int block = 0;
        while (block < blockCount)
        {
            int count = RandomAccess.Read(_file, buffer, SlotOffset(block));
            if (count == 0)
            {
                return;
            }

            // Of a file that was cut inside a slot, the rest counts as zeros.
            int slots = Math.Min(blockCount - block, (count + SlotLength - 1) / SlotLength);
            buffer.AsSpan(count).Clear();
            for (int slot = 0; slot < slots; slot++)
            {
                ReadOnlySpan<byte> bytes = buffer.AsSpan(slot * SlotLength, SlotLength);
                if (bytes.ContainsAnyExcept((byte)0))
                {
                    Restore(block + slot, IsWhole(bytes, block + slot) && State(bytes) == AcknowledgedState);
                }
            }

            block += slots;
        }
    }

    private string? ReadRecord(long offset)
    {
        byte[] record = new byte[RecordLength];
        return RandomAccess.Read(_file, record, offset) == record.Length && IsSealed(record) ? ReadText(record) : null;
    }

    private void WriteRecord(long offset, string text)
    {
        byte[] record = new byte[RecordLength];
        WriteText(record, text);
        Seal(record);
        RandomAccess.Write(_file, record, offset);
        RandomAccess.FlushToDisk(_file);
    }

    private void WriteSlot(int block, ContentDigest digest, uint state)
    {
        Span<byte> slot = stackalloc byte[SlotLength];
        digest.CopyTo(slot);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[32..], state);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[36..], Checksum(slot, block));
        RandomAccess.Write(_file, slot, SlotOffset(block));
    }

    private static bool IsWhole(ReadOnlySpan<byte> slot, int block) => BinaryPrimitives.ReadUInt32LittleEndian(slot[36..]) == Checksum(slot, block);

    private static uint State(ReadOnlySpan<byte> slot) => BinaryPrimitives.ReadUInt32LittleEndian(slot[32..]);

    private static uint Checksum(ReadOnlySpan<byte> slot, int block)
    {
        Span<byte> index = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(index, block);
        return Crc32C.Append(Crc32C.HashToUInt32(index), slot[..36]);
    }

    private static long SlotOffset(int block) => SlotsOffset + ((long)block * SlotLength);

    private static void WriteText(Span<byte> target, string text)
    {
        int length = Encoding.ASCII.GetBytes(text, target.Slice(2, TextRoom - 2));
        BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)length);
    }

    private static string ReadText(ReadOnlySpan<byte> source) =>
        Encoding.ASCII.GetString(source.Slice(2, Math.Min(TextRoom - 2, (int)BinaryPrimitives.ReadUInt16LittleEndian(source))));

    private static void Seal(Span<byte> record) => SHA256.HashData(record[..^32], record[^32..]);

    private static bool IsSealed(ReadOnlySpan<byte> record)
    {
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(record[..^32], digest);
        return digest.SequenceEqual(record[^32..]);
    }
}
