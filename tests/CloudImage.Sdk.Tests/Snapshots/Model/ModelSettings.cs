namespace CloudImage.Sdk.Tests.Snapshots.Model;

/// <summary>Who takes part, and what they may do.</summary>
public sealed class ModelSettings
{
    /// <summary>Sessions that write, 0 to 2.</summary>
    public int Writers { get; init; } = 1;

    /// <summary>Collectors, 1 or 2.</summary>
    public int Collectors { get; init; } = 1;

    /// <summary>Rounds of each collector; the generations are at most rounds times collectors and at most 4.</summary>
    public int Rounds { get; init; } = 1;

    /// <summary>Images with a committed snapshot that may be retired at any time, 1 or 2; the second shares the first one's pack.</summary>
    public int Images { get; init; } = 1;

    /// <summary>Whether each session may be taken over by a second process while the first may still run.</summary>
    public bool HasResume { get; init; }

    /// <summary>Whether a reader pins the first image's snapshot.</summary>
    public bool HasPins { get; init; }

    /// <summary>Whether collectors compact the first image's pack.</summary>
    public bool HasMoves { get; init; }

    /// <summary>Whether lists show each session, and each generation, at a moment of its own.</summary>
    public bool HasSlowLists { get; init; }

    /// <summary>The rule that is left out.</summary>
    public ModelMutation Mutation { get; init; }

    internal int MaximumGenerations => int.Min(ModelState.MaximumGenerations, Rounds * Collectors);

    public override string ToString() =>
        $"{Writers} writers, {Collectors} collectors of {Rounds} rounds, {Images} images{(HasResume ? ", resume" : string.Empty)}{(HasPins ? ", pins" : string.Empty)}"
        + $"{(HasMoves ? ", moves" : string.Empty)}{(HasSlowLists ? ", slow lists" : string.Empty)}, left out: {Mutation}";
}
