using System.Collections.Generic;

namespace CloudImage.Sdk.Tests.Snapshots.Model;

internal sealed partial class CollectionModel
{
    /// <summary>
    /// Steps: 0 W0 list generations, open, choose; 1 W1 first prep; 2 W4 on it; 3 W2 own pack; 4 W3 complete prep; 5 W4; 6 store the foreign
    /// chunk again; 7 prep of it; 8 W5 fate; 9 ended. A process that resumes begins at 0 too, and goes on at 3, 4 or 5.
    /// </summary>
    private void AddWriter(in ModelState state, int session, int process, List<ModelState> successors)
    {
        WriterProcess writer = state.GetProcess(process);
        ModelState next = state;
        switch (writer.Step)
        {
            case 0:
                AddStart(state, session, process, writer, successors);
                return;
            case 1:
                if (!TryAddPrep(ref next, session, process, writer with { Step = 2 }, writer.Place, 0))
                {
                    return;
                }

                break;
            case 2:
            case 5:
                AddCheck(state, session, process, writer, successors);
                return;
            case 3:
                next.Packs |= ModelState.PackOf(process, false);
                next.SetProcess(process, writer with { Step = 4, Own = ModelState.PackOf(process, false) });
                break;
            case 4:
            case 7:
                if (!TryAddPrep(ref next, session, process, writer with { Step = 5 }, writer.Place, writer.Own))
                {
                    return;
                }

                break;
            case 6:
                next.Packs |= ModelState.PackOf(process, true);
                next.SetProcess(process, writer with { Step = 7, Place = 0, Own = (ushort)(writer.Own | ModelState.PackOf(process, true)) });
                break;
            case 8:
                Decide(ref next, session, (byte)(2 + writer.Prep - 1));
                next.SetProcess(process, new WriterProcess { Step = 9 });
                break;
            default:
                return;
        }

        successors.Add(next);
    }

    private static void Decide(ref ModelState state, int session, byte fate)
    {
        // The write-once fate: who comes second finds the first.
        if (state.GetFate(session) == 0)
        {
            state.SetFate(session, fate);
        }
    }

    private bool TryAddPrep(ref ModelState state, int session, int process, WriterProcess writer, byte place, ushort own)
    {
        int number = state.GetPrepCount(session);
        if (number == ModelState.MaximumPreps)
        {
            return false;
        }

        ushort foreign = ToPack(place);
        state.AddPrep(session, IsLeftOut(ModelMutation.ForeignRefsOnly) ? foreign : (ushort)(foreign | own), (ushort)(ToNeed(place) | own));
        state.SetProcess(process, writer with { Prep = (byte)(number + 1) });
        return true;
    }

    private void AddStart(in ModelState state, int session, int process, WriterProcess writer, List<ModelState> successors)
    {
        if (_settings.HasSlowLists && writer.Cursor <= _settings.MaximumGenerations)
        {
            // One generation after another; what is created behind the cursor is not seen.
            int number = writer.Cursor == 0 ? 1 : writer.Cursor;
            ModelState next = state;
            next.SetProcess(process, Look(state, writer with { Cursor = (byte)number }) with { Cursor = (byte)(number + 1) });
            successors.Add(next);
            return;
        }

        if (!_settings.HasSlowLists)
        {
            for (int number = 1; number <= _settings.MaximumGenerations; number++)
            {
                writer = Look(state, writer with { Cursor = (byte)number });
            }
        }

        ModelState opened = state;
        if (process == session)
        {
            opened.SetOpened(session, (byte)((writer.Flags >> 4) + 1));
        }

        ushort dead = IsLeftOut(ModelMutation.UseDeadPacks) ? (ushort)0 : writer.Dead;
        AddChoices(opened, session, process, dead, successors);
    }

    /// <summary>Takes in the generation under the cursor: what is dead, and up to where all are done.</summary>
    private static WriterProcess Look(in ModelState state, WriterProcess writer)
    {
        Generation generation = state.GetGeneration(writer.Cursor);
        int flags = writer.Flags;
        if (!generation.IsDone)
        {
            flags |= 8;
        }
        else if ((flags & 8) == 0)
        {
            flags += 1 << 4;
        }

        return writer with { Flags = (byte)flags, Dead = (ushort)(writer.Dead | generation.Dead) };
    }

    private void AddChoices(in ModelState state, int session, int process, ushort dead, List<ModelState> successors)
    {
        bool isResumer = process != session;

        // The index may name packs that are long gone: only the generations keep the writer from them.
        for (int place = 0; place <= OtherFramePlace; place++)
        {
            ushort pack = ToPack((byte)place);
            bool isKnown = place == 0 || (place == OtherFramePlace && _settings.HasMoves) || place == 1 || (pack == SecondPack && _settings.Images == 2) || (pack != 0 && pack == FindTarget(state));
            if (!isKnown || (pack & dead) != 0)
            {
                continue;
            }

            ModelState next = state;
            ushort found = (ushort)(state.Packs & ModelState.PackOf(session, false));
            if (isResumer)
            {
                byte step = found != 0 ? (byte)4 : (byte)3;
                next.SetProcess(process, new WriterProcess { Step = step, Place = (byte)place, Own = found });
            }
            else
            {
                next.SetProcess(process, new WriterProcess { Step = 1, Place = (byte)place });
            }

            successors.Add(next);
        }

        if (isResumer && state.GetPrepCount(session) >= 2)
        {
            AddTakeover(state, session, process, successors);
        }
    }

    /// <summary>Goes on from the last prep of the process that is thought dead.</summary>
    private void AddTakeover(in ModelState state, int session, int process, List<ModelState> successors)
    {
        int prep = state.GetPrepCount(session) - 1;
        ushort needed = state.GetNeeded(session, prep);
        ushort own = (ushort)(needed & ModelState.PacksOfSession(session));
        ushort foreign = (ushort)(needed & ~own);
        if (own == 0)
        {
            return;
        }

        ModelState next = state;
        next.SetProcess(process, new WriterProcess
        {
            Step = 5,
            Place = foreign == 0 ? (byte)0 : foreign == OtherFrame ? OtherFramePlace : ToPlace(foreign),
            Own = own,
            Prep = (byte)(prep + 1),
        });
        successors.Add(next);
    }

    private void AddCheck(in ModelState state, int session, int process, WriterProcess writer, List<ModelState> successors)
    {
        ushort foreign = ToPack(writer.Place);
        int first = state.GetOpened(session);
        ModelState next = state;
        bool isChecked = !IsLeftOut(ModelMutation.NoGenerationCheck) && !(IsLeftOut(ModelMutation.ResumeWithoutCheck) && process != session);
        if (foreign != 0 && isChecked)
        {
            int number = writer.Cursor == 0 ? first : writer.Cursor;
            if (_settings.HasSlowLists && number <= _settings.MaximumGenerations)
            {
                next.SetProcess(process, Check(state, writer, number, foreign) with { Cursor = (byte)(number + 1) });
                successors.Add(next);
                return;
            }

            for (; number <= _settings.MaximumGenerations; number++)
            {
                writer = Check(state, writer, number, foreign);
            }
        }

        bool hasGap = (writer.Flags & 2) != 0;
        bool isDead = (writer.Flags & 4) != 0;
        writer = writer with { Cursor = 0, Flags = 0, Dead = 0 };
        if (hasGap || (isDead && writer.Step == 2))
        {
            Decide(ref next, session, 1);
            next.SetProcess(process, new WriterProcess { Step = 9 });
        }
        else if (isDead)
        {
            ushort target = writer.Place == 1 ? FindTarget(state) : (ushort)0;
            if (target != 0)
            {
                ModelState moved = state;
                moved.SetProcess(process, writer with { Step = 4, Place = ToPlace(target) });
                successors.Add(moved);
            }

            next.SetProcess(process, writer with { Step = 6 });
        }
        else
        {
            next.SetProcess(process, writer with { Step = writer.Step == 2 ? (byte)3 : (byte)8 });
        }

        successors.Add(next);
    }

    private WriterProcess Check(in ModelState state, WriterProcess writer, int number, ushort foreign)
    {
        Generation generation = state.GetGeneration(number);
        int flags = writer.Flags;
        if (!generation.HasCondemned)
        {
            flags |= 1;
        }
        else
        {
            if ((flags & 1) != 0 && !IsLeftOut(ModelMutation.IgnoreGaps))
            {
                flags |= 2;
            }

            if ((generation.Dead & foreign) != 0 && !(IsLeftOut(ModelMutation.SkipDoneGenerations) && generation.IsDone))
            {
                flags |= 4;
            }
        }

        return writer with { Flags = (byte)flags };
    }
}
