using System.Collections.Generic;

namespace CloudImage.Sdk.Tests.Snapshots.Model;

internal sealed partial class CollectionModel
{
    private const byte RetiredListed = 4;

    private bool ListsPinsFirst => IsLeftOut(ModelMutation.PinsBeforeRetired) || IsLeftOut(ModelMutation.PinsOnceBeforeRetired);

    /// <summary>
    /// Steps: 0 G0; 10 to 14 G2 packs, fates, retired, preps, pins and G3; 30 compaction writes its pack; 31 moves; 40 G4 cond; 41 cond that names
    /// the moves; 42 fate of the compaction; 50 to 53 G5 preps, fates, retired, pins; 60 sweep; 70 G6 delete; 80 G7 done.
    /// </summary>
    private void AddCollector(in ModelState state, int collector, List<ModelState> successors)
    {
        CollectorProcess process = state.GetCollector(collector);
        if (process.Step != 0)
        {
            AddAborts(state, collector, successors);
        }

        ModelState next = state;
        switch (process.Step)
        {
            case 0:
                if (!TryBegin(ref next, collector, process))
                {
                    return;
                }

                break;
            case 10:
                next.SetCollector(collector, process with { Step = 11, Packs = state.Packs });
                break;
            case 11 or 13 or 50 or 51:
                AddListing(state, collector, process, successors);
                return;
            case 12:
                next.SetCollector(collector, process with { Step = 13, Retired = state.Retired });
                break;
            case 14:
                AddCandidates(state, collector, process, successors);
                return;
            case 30:
                // Only a source that is there can be copied.
                bool isCopied = (state.Packs & FirstPack) != 0;
                next.Packs |= isCopied ? ModelState.PackOfCompaction(collector) : (ushort)0;
                next.SetCollector(collector, isCopied ? process with { Step = 31 } : NextRound(process));
                break;
            case 31:
                CreateMoves(ref next, collector, process);
                break;
            case 40 or 41:
                Condemn(ref next, collector, process);
                break;
            case 42:
                if (state.GetCompactionFate(collector) == 0)
                {
                    next.SetCompactionFate(collector, 2);
                }

                next.SetCollector(collector, new CollectorProcess { Step = 50, Round = process.Round, Number = process.Number, IsPinned = process.IsPinned });
                break;
            case 52:
                next.SetCollector(collector, process with { Step = 53, Retired = state.Retired });
                break;
            case 53:
                Rescue(ref next, collector, process);
                break;
            case 60:
                Sweep(ref next, collector, process);
                break;
            case 70:
                next.Packs &= (ushort)~process.Set;
                next.SetCollector(collector, process with { Step = 80, Set = 0 });
                break;
            case 80:
                Generation generation = state.GetGeneration(process.Number);
                next.SetGeneration(process.Number, generation with { Flags = (byte)(generation.Flags | 4) });
                next.SetCollector(collector, NextRound(process));
                break;
            default:
                return;
        }

        successors.Add(next);
    }

    private static CollectorProcess NextRound(CollectorProcess process) => new() { Round = (byte)(process.Round + 1) };

    private void AddAborts(in ModelState state, int collector, List<ModelState> successors)
    {
        for (int session = 0; session < _settings.Writers; session++)
        {
            if (state.GetOpened(session) != 0 && state.GetFate(session) == 0)
            {
                ModelState next = state;
                next.SetFate(session, 1);
                successors.Add(next);
            }
        }

        for (int other = 0; other < _settings.Collectors; other++)
        {
            if (other != collector && (state.Packs & ModelState.PackOfCompaction(other)) != 0 && state.GetCompactionFate(other) == 0)
            {
                ModelState next = state;
                next.SetCompactionFate(other, 1);
                successors.Add(next);
            }
        }
    }

    private bool TryBegin(ref ModelState state, int collector, CollectorProcess process)
    {
        int count = CountGenerations(state);
        if (process.Round >= _settings.Rounds)
        {
            return false;
        }

        byte pinned = ListsPinsFirst && state.IsPinned ? (byte)1 : (byte)0;
        for (int number = 1; number <= count; number++)
        {
            if (!state.GetGeneration(number).IsDone)
            {
                state.SetCollector(collector, new CollectorProcess { Step = 50, Round = process.Round, Number = (byte)number, IsPinned = pinned });
                return true;
            }
        }

        if (count == _settings.MaximumGenerations)
        {
            return false;
        }

        state.SetCollector(collector, new CollectorProcess { Step = 10, Round = process.Round, Number = (byte)(count + 1), IsPinned = pinned });
        return true;
    }

    /// <summary>A list of fates or preps, of all sessions at one moment or of each at its own.</summary>
    private void AddListing(in ModelState state, int collector, CollectorProcess process, List<ModelState> successors)
    {
        if (process.Step == 50 && process.Listed == 0 && IsLeftOut(ModelMutation.PinsBeforeRetired))
        {
            process = process with { IsPinned = state.IsPinned ? (byte)1 : (byte)0 };
        }

        ModelState next = state;
        if (!_settings.HasSlowLists || _settings.Writers == 0)
        {
            for (int session = 0; session < _settings.Writers; session++)
            {
                process = ListSession(state, process, session);
            }

            next.SetCollector(collector, EndListing(state, process));
            successors.Add(next);
            return;
        }

        // Marks of retirement come with the fates, in one pass, at a moment of their own.
        int all = (_settings.Writers == 2 ? 3 : 1) | (process.Step is 11 or 51 ? RetiredListed : 0);
        for (int item = 0; item < 3; item++)
        {
            if ((all & ~process.Listed & (1 << item)) != 0)
            {
                CollectorProcess listed = item == 2 ? process with { Retired = state.Retired } : ListSession(state, process, item);
                listed = listed with { Listed = (byte)(listed.Listed | (1 << item)) };
                next = state;
                next.SetCollector(collector, listed.Listed == all ? EndListing(state, listed) : listed);
                successors.Add(next);
            }
        }
    }

    private CollectorProcess ListSession(in ModelState state, CollectorProcess process, int session)
    {
        byte fate = process.Step == 13 ? (session == 0 ? process.FateOf0 : process.FateOf1) : state.GetFate(session);
        int seen = process.Step == 51 ? (process.PrepsSeen >> (4 * session)) & 15 : (1 << state.GetPrepCount(session)) - 1;
        return process.Step switch
        {
            11 when session == 0 => process with { FateOf0 = fate },
            11 => process with { FateOf1 = fate },
            50 => process with { PrepsSeen = (byte)(process.PrepsSeen | (seen << (4 * session))) },
            _ => process with { Live = (ushort)(process.Live | LeaveMoved(state, process, GetLive(state, session, fate, seen), fate >= 2, session, -1)) },
        };
    }

    /// <summary>What a session keeps alive, by a fate and preps that were seen.</summary>
    private ushort GetLive(in ModelState state, int session, byte fate, int seen)
    {
        if (fate == 1)
        {
            return 0;
        }

        ushort live = 0;
        for (int prep = 0; prep < ModelState.MaximumPreps; prep++)
        {
            bool isSeen = (seen & (1 << prep)) != 0;
            bool isFated = fate == prep + 2;

            // The fate names the prep, which is then read by its name, whether the list before it showed it or not.
            if (fate == 0 ? isSeen : isFated && (isSeen || !IsLeftOut(ModelMutation.ListedPrepsOnly)))
            {
                live |= state.GetRefs(session, prep);
            }
        }

        return live;
    }

    private CollectorProcess EndListing(in ModelState state, CollectorProcess process)
    {
        int compactions = 0;
        for (int other = 0; process.Step == 11 && other < _settings.Collectors; other++)
        {
            compactions |= state.GetCompactionFate(other) != 0 ? 1 << other : 0;
        }

        int step = process.Step + ((process.Listed & RetiredListed) != 0 ? 2 : 1);
        return process with { Step = (byte)step, Listed = 0, CompactionsFated = (byte)(process.CompactionsFated | compactions) };
    }

    /// <summary>The images that are not retired, or are pinned, as far as the process knows. While it compacts: those that its moves cover.</summary>
    private int GetLiveImages(in ModelState state, CollectorProcess process)
    {
        bool isPinned = ListsPinsFirst ? process.IsPinned != 0 : state.IsPinned;
        int all = _settings.Images == 2 ? 3 : 1;
        return (all & ~process.Retired) | (isPinned ? 1 : 0);
    }

    private ushort GetLiveOfImages(in ModelState state, CollectorProcess process)
    {
        int images = GetLiveImages(state, process);
        ushort live = process.Live;
        for (int image = 0; image < _settings.Images; image++)
        {
            if ((images & (1 << image)) != 0)
            {
                live |= LeaveMoved(state, process, RefsOfImage(image), true, -1, image);
            }
        }

        return Map(state, live);
    }

    /// <summary>G5 of a generation with moves: for the snapshots that they cover, the source is no longer needed.</summary>
    private ushort LeaveMoved(in ModelState state, CollectorProcess process, ushort refs, bool isCommitted, int session, int image)
    {
        if (process.Step is not (51 or 53) || (refs & FirstPack) == 0 || !isCommitted)
        {
            return refs;
        }

        Generation generation = state.GetGeneration(process.Number);
        bool isCovered = (session >= 0 && (generation.CoveredSessions & (1 << session)) != 0) || (image >= 0 && (generation.CoveredImages & (1 << image)) != 0);
        bool isNamed = (generation.Flags & 8) != 0 || (generation.Mover != 0 && IsLeftOut(ModelMutation.UnboundMoves));
        bool leaves = isNamed && (isCovered || IsLeftOut(ModelMutation.SweepUncovered));
        return leaves ? (ushort)((refs & ~FirstPack) | ModelState.PackOfCompaction(generation.Mover - 1)) : refs;
    }

    private void AddCandidates(in ModelState state, int collector, CollectorProcess process, List<ModelState> successors)
    {
        int fated = FirstPack | SecondPack;
        fated |= process.FateOf0 != 0 ? ModelState.PacksOfSession(0) : 0;
        fated |= process.FateOf1 != 0 ? ModelState.PacksOfSession(1) : 0;
        fated |= (process.CompactionsFated & 1) != 0 ? ModelState.PackOfCompaction(0) : 0;
        fated |= (process.CompactionsFated & 2) != 0 ? ModelState.PackOfCompaction(1) : 0;
        ushort live = GetLiveOfImages(state, process);
        ushort candidates = (ushort)(process.Packs & ~live & (IsLeftOut(ModelMutation.CondemnInFlight) ? 0xFFFF : fated));
        ModelState next = state;
        next.SetCollector(collector, candidates == 0
            ? NextRound(process)
            : new CollectorProcess { Step = 40, Round = process.Round, Number = process.Number, Set = candidates, IsPinned = process.IsPinned });
        successors.Add(next);
        bool mayCompact = _settings.HasMoves && (process.Packs & live & FirstPack) != 0 && FindTarget(state) == 0
            && state.GetCompactionFate(collector) == 0 && (state.Packs & ModelState.PackOfCompaction(collector)) == 0;
        if (mayCompact)
        {
            next = state;
            next.SetCollector(collector, new CollectorProcess
            {
                Step = 30,
                Round = process.Round,
                Number = process.Number,
                Set = (ushort)(candidates | FirstPack),
                IsPinned = process.IsPinned,
                Listed = (byte)((process.FateOf0 >= 2 ? 1 : 0) | (process.FateOf1 >= 2 ? 2 : 0)),
                Retired = (byte)GetLiveImages(state, process),
            });
            successors.Add(next);
        }
    }

    private static void CreateMoves(ref ModelState state, int collector, CollectorProcess process)
    {
        Generation generation = state.GetGeneration(process.Number);
        if (generation.Mover == 0)
        {
            // The name of the moves may be free although the generation has just been taken: then they stand, and must not count.
            state.SetGeneration(process.Number, generation with { Moves = Generation.MakeMoves(collector + 1, process.Listed, process.Retired) });
            state.SetCollector(collector, process with { Step = 41 });
            return;
        }

        state.SetCollector(collector, NextRound(process));
    }

    private static void Condemn(ref ModelState state, int collector, CollectorProcess process)
    {
        Generation generation = state.GetGeneration(process.Number);
        if (generation.HasCondemned)
        {
            // Taken: everything is listed anew.
            state.SetCollector(collector, new CollectorProcess { Round = process.Round });
            return;
        }

        bool namesMoves = process.Step == 41;
        state.SetGeneration(process.Number, generation with { Condemned = process.Set, Flags = (byte)(namesMoves ? 9 : 1) });
        state.SetCollector(collector, new CollectorProcess { Step = namesMoves ? (byte)42 : (byte)50, Round = process.Round, Number = process.Number, IsPinned = process.IsPinned });
    }

    private void Rescue(ref ModelState state, int collector, CollectorProcess process)
    {
        ushort condemned = state.GetGeneration(process.Number).Condemned;
        ushort set = IsLeftOut(ModelMutation.NoSecondListing) ? condemned : (ushort)(condemned & ~GetLiveOfImages(state, process));
        state.SetCollector(collector, new CollectorProcess { Step = 60, Round = process.Round, Number = process.Number, Set = set });
    }

    private void Sweep(ref ModelState state, int collector, CollectorProcess process)
    {
        Generation generation = state.GetGeneration(process.Number);
        ushort set = generation.HasSweep && !IsLeftOut(ModelMutation.OwnSweep) ? generation.Swept : process.Set;
        if (!generation.HasSweep)
        {
            state.SetGeneration(process.Number, generation with { Swept = process.Set, Flags = (byte)(generation.Flags | 2) });
        }

        state.SetCollector(collector, process with { Step = 70, Set = set });
    }
}
