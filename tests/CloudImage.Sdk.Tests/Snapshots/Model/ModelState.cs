using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudImage.Sdk.Tests.Snapshots.Model;

/// <summary>A state of the whole system in 160 bytes: what the store holds, and where each process stands.</summary>
/// <remarks>
/// Packs are bits: 0 and 1 of the committed snapshots, two for each writing process (its chunks; foreign chunks stored again), and one
/// for each collector's compaction. Bit 12 is no pack: what needs it needs a frame of pack 0 that no committed snapshot of an image has. Every field is a byte or a pair of bytes at a fixed place, so that states compare and hash as bytes.
/// </remarks>
[InlineArray(SizeInBytes)]
internal struct ModelState
{
    internal const int SizeInBytes = 160;
    internal const int MaximumGenerations = 4;
    internal const int MaximumPreps = 4;

    private const int GenerationStart = 4;
    private const int GenerationLength = 6;
    private const int SessionStart = 28;
    private const int SessionLength = 19;
    private const int CompactionStart = 66;
    private const int ProcessStart = 68;
    private const int ProcessLength = 9;
    private const int CollectorStart = 106;
    private const int CollectorLength = 18;
    private const int ReaderStart = 144;

    private byte _first;

    internal ushort Packs
    {
        readonly get => Read(0);
        set => Write(0, value);
    }

    /// <summary>Bit b: the committed snapshot of image b is retired.</summary>
    internal byte Retired
    {
        readonly get => this[2];
        set => this[2] = value;
    }

    internal byte ReaderStep
    {
        readonly get => this[ReaderStart];
        set => this[ReaderStart] = value;
    }

    /// <summary>Bit 0: the pin was created; bit 1: released.</summary>
    internal byte Pin
    {
        readonly get => this[ReaderStart + 1];
        set => this[ReaderStart + 1] = value;
    }

    internal readonly bool IsPinned => Pin == 1;

    internal static ushort PackOf(int process, bool isAgain) => (ushort)(1 << (2 + (2 * process) + (isAgain ? 1 : 0)));

    internal static ushort PackOfCompaction(int collector) => (ushort)(1 << (10 + collector));

    /// <summary>The packs of a session: of its first process and of the one that resumed it.</summary>
    internal static ushort PacksOfSession(int session) =>
        (ushort)((0b11 << (2 + (2 * session))) | (0b11 << (2 + (2 * (session + 2)))));

    internal readonly Generation GetGeneration(int number) => new(
        Read(GenerationStart + ((number - 1) * GenerationLength)),
        Read(GenerationStart + ((number - 1) * GenerationLength) + 2),
        this[GenerationStart + ((number - 1) * GenerationLength) + 4],
        this[GenerationStart + ((number - 1) * GenerationLength) + 5]);

    internal void SetGeneration(int number, Generation generation)
    {
        int start = GenerationStart + ((number - 1) * GenerationLength);
        Write(start, generation.Condemned);
        Write(start + 2, generation.Swept);
        this[start + 4] = generation.Flags;
        this[start + 5] = generation.Moves;
    }

    /// <summary>0: none; 1: abort; 2 and more: commit of the prep of that number less 2.</summary>
    internal readonly byte GetFate(int session) => this[SessionStart + (session * SessionLength)];

    internal void SetFate(int session, byte fate) => this[SessionStart + (session * SessionLength)] = fate;

    internal readonly byte GetPrepCount(int session) => this[SessionStart + (session * SessionLength) + 1];

    /// <summary>One more than the generation up to which all were done when the session was opened; 0: not open.</summary>
    internal readonly byte GetOpened(int session) => this[SessionStart + (session * SessionLength) + 2];

    internal void SetOpened(int session, byte value) => this[SessionStart + (session * SessionLength) + 2] = value;

    internal readonly ushort GetRefs(int session, int prep) => Read(SessionStart + (session * SessionLength) + 3 + (2 * prep));

    /// <summary>What a snapshot of this prep really reads, whatever its refs say.</summary>
    internal readonly ushort GetNeeded(int session, int prep) => Read(SessionStart + (session * SessionLength) + 11 + (2 * prep));

    internal void AddPrep(int session, ushort refs, ushort needed)
    {
        int prep = GetPrepCount(session);
        Write(SessionStart + (session * SessionLength) + 3 + (2 * prep), refs);
        Write(SessionStart + (session * SessionLength) + 11 + (2 * prep), needed);
        this[SessionStart + (session * SessionLength) + 1] = (byte)(prep + 1);
    }

    /// <summary>The fate of a collector's compaction session: 0 none, 1 abort, 2 commit.</summary>
    internal readonly byte GetCompactionFate(int collector) => this[CompactionStart + collector];

    internal void SetCompactionFate(int collector, byte fate) => this[CompactionStart + collector] = fate;

    internal readonly WriterProcess GetProcess(int process)
    {
        int start = ProcessStart + (process * ProcessLength);
        return new WriterProcess(this[start], this[start + 1], this[start + 2], Read(start + 3), this[start + 5], this[start + 6], Read(start + 7));
    }

    internal void SetProcess(int process, WriterProcess writer)
    {
        int start = ProcessStart + (process * ProcessLength);
        this[start] = writer.Step;
        this[start + 1] = writer.Place;
        this[start + 2] = writer.Prep;
        Write(start + 3, writer.Own);
        this[start + 5] = writer.Cursor;
        this[start + 6] = writer.Flags;
        Write(start + 7, writer.Dead);
    }

    internal readonly CollectorProcess GetCollector(int collector)
    {
        int start = CollectorStart + (collector * CollectorLength);
        return new CollectorProcess(
            this[start], this[start + 1], this[start + 2], Read(start + 3), this[start + 5], this[start + 6], this[start + 7],
            this[start + 8], Read(start + 9), this[start + 11], this[start + 12], Read(start + 13), this[start + 15]);
    }

    internal void SetCollector(int collector, CollectorProcess process)
    {
        int start = CollectorStart + (collector * CollectorLength);
        this[start] = process.Step;
        this[start + 1] = process.Round;
        this[start + 2] = process.Number;
        Write(start + 3, process.Packs);
        this[start + 5] = process.FateOf0;
        this[start + 6] = process.FateOf1;
        this[start + 7] = process.CompactionsFated;
        this[start + 8] = process.Retired;
        Write(start + 9, process.Live);
        this[start + 11] = process.Listed;
        this[start + 12] = process.PrepsSeen;
        Write(start + 13, process.Set);
        this[start + 15] = process.IsPinned;
    }

    internal static Span<byte> AsBytes(ref ModelState state) => MemoryMarshal.CreateSpan(ref Unsafe.As<ModelState, byte>(ref state), SizeInBytes);

    /// <summary>The same state with the two writers, or the two collectors, under each other's number.</summary>
    internal readonly ModelState Exchange(bool writers, bool collectors)
    {
        ModelState other = this;
        other.Packs = ExchangePacks(Packs, writers, collectors);
        for (int number = 1; number <= MaximumGenerations; number++)
        {
            Generation generation = GetGeneration(number);
            int mover = collectors && generation.Mover != 0 ? 3 - generation.Mover : generation.Mover;
            int covered = writers ? ExchangeBits((byte)generation.CoveredSessions) : generation.CoveredSessions;
            other.SetGeneration(number, new Generation(
                ExchangePacks(generation.Condemned, writers, collectors),
                ExchangePacks(generation.Swept, writers, collectors),
                generation.Flags,
                Generation.MakeMoves(mover, covered, generation.CoveredImages)));
        }

        for (int session = 0; session < 2; session++)
        {
            int from = SessionStart + ((writers ? 1 - session : session) * SessionLength);
            int to = SessionStart + (session * SessionLength);
            for (int index = 0; index < 3; index++)
            {
                other[to + index] = this[from + index];
            }

            for (int index = 3; index < SessionLength; index += 2)
            {
                other.Write(to + index, ExchangePacks(Read(from + index), writers, collectors));
            }

            other[CompactionStart + session] = this[CompactionStart + (collectors ? 1 - session : session)];
        }

        for (int process = 0; process < 4; process++)
        {
            WriterProcess writer = GetProcess(writers ? process ^ 1 : process);
            other.SetProcess(process, writer with
            {
                Place = ExchangePlace(writer.Place, writers, collectors),
                Own = ExchangePacks(writer.Own, writers, collectors),
                Dead = ExchangePacks(writer.Dead, writers, collectors),
            });
        }

        for (int collector = 0; collector < 2; collector++)
        {
            CollectorProcess process = GetCollector(collectors ? 1 - collector : collector);
            other.SetCollector(collector, process with
            {
                Packs = ExchangePacks(process.Packs, writers, collectors),
                Live = ExchangePacks(process.Live, writers, collectors),
                Set = ExchangePacks(process.Set, writers, collectors),
                FateOf0 = writers ? process.FateOf1 : process.FateOf0,
                FateOf1 = writers ? process.FateOf0 : process.FateOf1,
                Listed = writers ? (byte)(ExchangeBits(process.Listed) | (process.Listed & ~3)) : process.Listed,
                PrepsSeen = writers ? (byte)((process.PrepsSeen << 4) | (process.PrepsSeen >> 4)) : process.PrepsSeen,
                CompactionsFated = collectors ? ExchangeBits(process.CompactionsFated) : process.CompactionsFated,
            });
        }

        return other;
    }

    private static byte ExchangeBits(byte value) => (byte)(((value & 1) << 1) | ((value >> 1) & 1));

    private static ushort ExchangePacks(ushort packs, bool writers, bool collectors)
    {
        int result = packs;
        if (writers)
        {
            // Bits 2-3 with 4-5 (the first processes), 6-7 with 8-9 (those that resume).
            result = (result & ~0x3FC) | ((result & 0x0CC) << 2) | ((result & 0x330) >> 2);
        }

        return collectors ? (ushort)((result & ~0xC00) | ((result & 0x400) << 1) | ((result & 0x800) >> 1)) : (ushort)result;
    }

    private static byte ExchangePlace(byte place, bool writers, bool collectors)
    {
        if (place == 0)
        {
            return 0;
        }

        ushort pack = ExchangePacks((ushort)(1 << (place - 1)), writers, collectors);
        return (byte)(System.Numerics.BitOperations.TrailingZeroCount(pack) + 1);
    }

    private readonly ushort Read(int index) => (ushort)(this[index] | (this[index + 1] << 8));

    private void Write(int index, ushort value)
    {
        this[index] = (byte)value;
        this[index + 1] = (byte)(value >> 8);
    }
}

/// <summary>A generation of collection.</summary>
/// <param name="Condemned">The packs of cond.</param>
/// <param name="Swept">The packs of sweep.</param>
/// <param name="Flags">1: cond stands; 2: sweep stands; 4: done stands; 8: cond names the moves.</param>
/// <param name="Moves">0: none; else bits 0 and 1: the collector that created them, plus 1; 4 and 5: the sessions that they cover; 6 and 7: the images.</param>
internal readonly record struct Generation(ushort Condemned, ushort Swept, byte Flags, byte Moves)
{
    internal int Mover => Moves & 3;

    internal int CoveredSessions => (Moves >> 4) & 3;

    internal int CoveredImages => Moves >> 6;

    internal bool HasCondemned => (Flags & 1) != 0;

    internal bool HasSweep => (Flags & 2) != 0;

    internal bool IsDone => (Flags & 4) != 0;

    internal static byte MakeMoves(int mover, int sessions, int images) => (byte)(mover | (sessions << 4) | (images << 6));

    internal ushort Dead => HasSweep ? Swept : HasCondemned ? Condemned : (ushort)0;
}

/// <summary>A process that writes a session.</summary>
/// <param name="Step">Where it stands, see <see cref="CollectionModel"/>.</param>
/// <param name="Place">The pack of the chunk that it did not store itself, plus 1; 0: there is none.</param>
/// <param name="Prep">Its last prep, plus 1.</param>
/// <param name="Own">The packs of its session that its snapshot needs.</param>
/// <param name="Cursor">The generation that its list comes to next; 0: it lists none.</param>
/// <param name="Flags">1: one was missing; 2: one was missing in between; 4: a ref is dead; 8: contiguity is broken; bits 4 and up: the last done one.</param>
/// <param name="Dead">The packs that its list found dead.</param>
internal readonly record struct WriterProcess(byte Step, byte Place, byte Prep, ushort Own, byte Cursor, byte Flags, ushort Dead);

/// <summary>A collector.</summary>
internal readonly record struct CollectorProcess(
    byte Step, byte Round, byte Number, ushort Packs, byte FateOf0, byte FateOf1, byte CompactionsFated, byte Retired, ushort Live, byte Listed, byte PrepsSeen, ushort Set, byte IsPinned);
