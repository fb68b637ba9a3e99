using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Output;

/// <summary>What a store was asked, by kind: what a service charges for.</summary>
internal sealed record RequestsAnswer(
    long Creates,
    long Conflicts,
    long Reads,
    long Infos,
    long Lists,
    long ListedObjects,
    long Deletes,
    long Flushes,
    long Faults,
    long BytesWritten,
    long BytesRead)
{
    public static RequestsAnswer Of(CountingObjectStore store)
    {
        ObjectStoreStatistics counted = store.GetStatistics();
        return new RequestsAnswer(
            counted.Creates,
            counted.Conflicts,
            counted.Reads,
            counted.Infos,
            counted.Lists,
            counted.ListedObjects,
            counted.Deletes,
            counted.Flushes,
            counted.Faults,
            counted.BytesWritten,
            counted.BytesRead);
    }

    public override string ToString() =>
        $"{Creates} to create ({ByteText.Format(BytesWritten)}), {Reads} to read ({ByteText.Format(BytesRead)}), {Infos} to ask, {Lists} to list, {Deletes} to delete";
}
