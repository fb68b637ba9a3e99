using System;
using System.Globalization;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Model;

/// <summary>
/// The protocol of sessions and collection, explored state by state. Here in seconds, to a bound; with
/// CLOUDIMAGE_MODEL_STATES set to a number of states (such as 200000000), further, on the larger settings too.
/// </summary>
public sealed class CollectionModelTests
{
    private const int BoundedStates = 60_000;
    private const int MutationStates = 3_000_000;

    public static TheoryData<string> Settings =>
        ["basic", "two-writers", "two-collectors", "two-rounds", "images", "resume", "pins", "moves", "writer-moves", "slow-lists"];

    public static TheoryData<string> LargeSettings =>
        ["2x2", "2x2-slow", "2x2-moves", "resume-slow", "moves-slow", "all"];

    [Theory]
    [MemberData(nameof(Settings))]
    public void Protocol_ToABound_LosesNothing(string name) => AssertSafe(Find(name, ModelMutation.None), GetStates(BoundedStates));

    [Theory]
    [MemberData(nameof(LargeSettings))]
    public void Protocol_Far_LosesNothing(string name)
    {
        Assert.SkipWhen(GetStates(0) == 0, "Explores far only with CLOUDIMAGE_MODEL_STATES set to a number of states.");
        AssertSafe(Find(name, ModelMutation.None), GetStates(0));
    }

    [Theory]
    [InlineData(ModelMutation.NoGenerationCheck, "basic")]
    [InlineData(ModelMutation.SkipDoneGenerations, "basic")]
    [InlineData(ModelMutation.ForeignRefsOnly, "basic")]
    [InlineData(ModelMutation.UseDeadPacks, "basic")]
    [InlineData(ModelMutation.CondemnInFlight, "basic")]
    [InlineData(ModelMutation.NoSecondListing, "basic")]
    [InlineData(ModelMutation.OwnSweep, "two-collectors")]
    [InlineData(ModelMutation.ResumeWithoutCheck, "resume")]
    [InlineData(ModelMutation.PinsOnceBeforeRetired, "pins")]
    [InlineData(ModelMutation.NoCheckAfterPin, "pins")]
    [InlineData(ModelMutation.SweepUncovered, "writer-moves")]
    [InlineData(ModelMutation.SparedMovesCount, "writer-moves")]
    public void Protocol_WithARuleLeftOut_LosesASnapshot(ModelMutation rule, string name)
    {
        var explorer = new ModelExplorer(new CollectionModel(Find(name, rule)));
        string? loss = explorer.Explore(MutationStates);
        TestContext.Current.TestOutputHelper?.WriteLine($"{rule}: {explorer.States} states, {explorer.Depth} steps, complete {explorer.IsComplete}: {loss}");
        Assert.NotNull(loss);
    }

    [Theory]
    [InlineData(ModelMutation.PinsBeforeRetired, "pins")]
    [InlineData(ModelMutation.UnboundMoves, "moves")]
    [InlineData(ModelMutation.IgnoreGaps, "gaps")]
    [InlineData(ModelMutation.ListedPrepsOnly, "slow-lists")]
    public void Protocol_WithACautiousRuleLeftOut_LosesNothing(ModelMutation rule, string name) => AssertSafe(Find(name, rule), MutationStates);

    private static void AssertSafe(ModelSettings settings, int maximumStates)
    {
        var explorer = new ModelExplorer(new CollectionModel(settings));
        string? loss = explorer.Explore(maximumStates);
        TestContext.Current.TestOutputHelper?.WriteLine($"{settings}: {explorer.States} states, {explorer.Depth} steps, {(explorer.IsComplete ? "all" : "to the bound")}: {loss ?? "nothing is lost"}");
        Assert.Null(loss);
    }

    private static int GetStates(int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable("CLOUDIMAGE_MODEL_STATES"), NumberStyles.None, CultureInfo.InvariantCulture, out int states) ? states : otherwise;

    private static ModelSettings Find(string name, ModelMutation rule) => name switch
    {
        "basic" => new() { Mutation = rule },
        "two-writers" => new() { Writers = 2, Mutation = rule },
        "two-collectors" => new() { Collectors = 2, Mutation = rule },
        "two-rounds" => new() { Rounds = 2, Mutation = rule },
        "images" => new() { Images = 2, Rounds = 2, Mutation = rule },
        "resume" => new() { HasResume = true, Rounds = 2, Mutation = rule },
        "pins" => new() { HasPins = true, Writers = 0, Rounds = 2, Mutation = rule },
        "moves" => new() { HasMoves = true, Collectors = 2, Rounds = 2, Writers = 0, Mutation = rule },
        "writer-moves" => new() { HasMoves = true, Rounds = 2, Mutation = rule },
        "slow-lists" => new() { HasSlowLists = true, Rounds = 2, Mutation = rule },
        "gaps" => new() { HasSlowLists = true, Rounds = 3, Mutation = rule },
        "2x2" => new() { Writers = 2, Collectors = 2, Mutation = rule },
        "2x2-slow" => new() { Writers = 2, Collectors = 2, HasSlowLists = true, Mutation = rule },
        "2x2-moves" => new() { Writers = 2, Collectors = 2, HasMoves = true, Mutation = rule },
        "resume-slow" => new() { HasResume = true, HasSlowLists = true, Collectors = 2, Mutation = rule },
        "moves-slow" => new() { HasMoves = true, HasSlowLists = true, Collectors = 2, Rounds = 2, Mutation = rule },
        "all" => new() { HasResume = true, HasPins = true, HasMoves = true, HasSlowLists = true, Images = 2, Collectors = 2, Mutation = rule },
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such settings."),
    };
}
