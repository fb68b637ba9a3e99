using System;
using System.Collections.Generic;
using System.Numerics;

namespace CloudImage.Sdk.Tests.Snapshots.Model;

/// <summary>The protocol of sessions and collection as a transition system, and the promise that it keeps.</summary>
/// <remarks>
/// <para>Every step of a process is one request to the store, which is what the axioms make atomic. A crash needs no step of its own:
/// a process that is never run again has crashed, and nobody else can tell the two apart.</para>
/// <para>Bounds: see <see cref="ModelSettings"/>; a session has at most four preps, each collector compacts once, and it compacts the first
/// image's pack alone: of it the chunk of the image is copied, and another one that only the index knows is not.</para>
/// </remarks>
internal sealed partial class CollectionModel
{
    private const ushort FirstPack = 1;
    private const ushort SecondPack = 2;
    private const ushort OtherFrame = 1 << 12;
    private const byte OtherFramePlace = 13;

    private readonly ModelSettings _settings;

    internal CollectionModel(ModelSettings settings) => _settings = settings;

    private bool IsLeftOut(ModelMutation rule) => _settings.Mutation == rule;

    internal ModelState MakeInitial()
    {
        ModelState state = default;
        state.Packs = (ushort)(_settings.Images == 2 ? FirstPack | SecondPack : FirstPack);
        return state;
    }

    /// <summary>The state under the numbering of equal processes that sorts first.</summary>
    internal ModelState Normalize(ModelState state)
    {
        ModelState best = state;
        for (int exchange = 1; exchange < 4; exchange++)
        {
            bool writers = (exchange & 1) != 0;
            bool collectors = (exchange & 2) != 0;
            if ((writers && _settings.Writers < 2) || (collectors && _settings.Collectors < 2))
            {
                continue;
            }

            ModelState other = state.Exchange(writers, collectors);
            if (ModelState.AsBytes(ref other).SequenceCompareTo(ModelState.AsBytes(ref best)) < 0)
            {
                best = other;
            }
        }

        return best;
    }

    /// <summary>What is lost in a state; null: the promise holds.</summary>
    internal string? FindLoss(in ModelState state)
    {
        for (int image = 0; image < _settings.Images; image++)
        {
            if ((state.Retired & (1 << image)) == 0 && !IsReadable(state, RefsOfImage(image), -1, image))
            {
                return $"The snapshot of image {image}, which is not retired, cannot be read.";
            }
        }

        if (state.ReaderStep == 2 && !IsReadable(state, FirstPack, -1, 0))
        {
            return "The pinned snapshot cannot be read.";
        }

        for (int session = 0; session < _settings.Writers; session++)
        {
            int fate = state.GetFate(session);
            if (fate >= 2 && !IsReadable(state, state.GetNeeded(session, fate - 2), session, -1))
            {
                return $"The committed snapshot of writer {session} cannot be read.";
            }
        }

        return null;
    }

    internal void AddSuccessors(in ModelState state, List<ModelState> successors)
    {
        for (int image = 0; image < _settings.Images; image++)
        {
            if ((state.Retired & (1 << image)) == 0)
            {
                ModelState next = state;
                next.Retired |= (byte)(1 << image);
                successors.Add(next);
            }
        }

        AddReader(state, successors);
        for (int session = 0; session < _settings.Writers; session++)
        {
            AddWriter(state, session, session, successors);
            if (_settings.HasResume && state.GetOpened(session) != 0)
            {
                AddWriter(state, session, session + 2, successors);
            }
        }

        for (int collector = 0; collector < _settings.Collectors; collector++)
        {
            AddCollector(state, collector, successors);
        }
    }

    private static ushort RefsOfImage(int image) => image == 0 ? FirstPack : (ushort)(FirstPack | SecondPack);

    private static ushort ToPack(byte place) => place == 0 ? (ushort)0 : place == OtherFramePlace ? FirstPack : (ushort)(1 << (place - 1));

    /// <summary>What a chunk needs: its pack, or the frame that moves do not lead on from.</summary>
    private static ushort ToNeed(byte place) => place == OtherFramePlace ? OtherFrame : ToPack(place);

    private static byte ToPlace(ushort pack) => (byte)(BitOperations.TrailingZeroCount(pack) + 1);

    /// <summary>Whether what a snapshot needs is there, or moved to where it is.</summary>
    private bool IsReadable(in ModelState state, ushort needed, int session, int image)
    {
        bool needsFirst = (needed & (FirstPack | OtherFrame)) != 0;
        int missing = needed & ~(FirstPack | OtherFrame) & ~state.Packs;
        if (missing != 0 || !needsFirst || (state.Packs & FirstPack) != 0)
        {
            return missing == 0;
        }

        for (int number = 1; number <= ModelState.MaximumGenerations; number++)
        {
            Generation generation = state.GetGeneration(number);
            bool isCovered = (session >= 0 && (generation.CoveredSessions & (1 << session)) != 0) || (image >= 0 && (generation.CoveredImages & (1 << image)) != 0);

            // A chunk that an image has is copied for whoever needs it.
            if (Counts(generation) && (isCovered || (needed & OtherFrame) == 0) && (state.Packs & ModelState.PackOfCompaction(generation.Mover - 1)) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Adds to refs to the first image's pack where it was moved; the pack itself stays alive with them.</summary>
    private ushort Map(in ModelState state, ushort refs)
    {
        ushort target = FindTarget(state);
        return (refs & FirstPack) == 0 || target == 0 ? refs : IsLeftOut(ModelMutation.SparedMovesCount) ? (ushort)((refs & ~FirstPack) | target) : (ushort)(refs | target);
    }

    /// <summary>Where the first image's pack was moved; 0: nowhere.</summary>
    private ushort FindTarget(in ModelState state)
    {
        for (int number = 1; number <= ModelState.MaximumGenerations; number++)
        {
            Generation generation = state.GetGeneration(number);
            if (Counts(generation))
            {
                return ModelState.PackOfCompaction(generation.Mover - 1);
            }
        }

        return 0;
    }

    /// <summary>Moves count when the condemnation of their generation names them, and its sweep, once it stands, did not spare their source.</summary>
    private bool Counts(Generation generation)
    {
        bool isNamed = (generation.Flags & 8) != 0 || (IsLeftOut(ModelMutation.UnboundMoves) && generation.HasCondemned);
        bool isSpared = generation.HasSweep && (generation.Swept & FirstPack) == 0 && !IsLeftOut(ModelMutation.SparedMovesCount);
        return generation.Mover != 0 && isNamed && !isSpared;
    }

    private static int CountGenerations(in ModelState state)
    {
        int count = 0;
        while (count < ModelState.MaximumGenerations && state.GetGeneration(count + 1).HasCondemned)
        {
            count++;
        }

        return count;
    }

    private void AddReader(in ModelState state, List<ModelState> successors)
    {
        if (!_settings.HasPins || state.ReaderStep == 3)
        {
            return;
        }

        ModelState next = state;
        switch (state.ReaderStep)
        {
            case 0:
                next.Pin = 1;
                next.ReaderStep = 1;
                break;
            case 1 when (state.Retired & 1) == 0 || (IsLeftOut(ModelMutation.NoCheckAfterPin) && (state.Packs & FirstPack) != 0):
                next.ReaderStep = 2;
                break;
            default:
                next.Pin = 3;
                next.ReaderStep = 3;
                break;
        }

        successors.Add(next);
    }
}
