using System;
using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>An edit in place that is only right as a whole: a mark stands beside the file from before its first write until after its last flush.</summary>
internal static class MarkedEdit
{
    /// <summary>Runs the edit.</summary>
    /// <param name="target">What is edited.</param>
    /// <param name="length">The length it is given first; null to leave it.</param>
    /// <param name="createMark">Makes the mark durable.</param>
    /// <param name="write">Writes, and gives the number of bytes written.</param>
    /// <param name="removeMark">Removes the mark; not called where the edit fails.</param>
    /// <returns>The number of bytes written.</returns>
    public static async ValueTask<long> RunAsync(ImageEditor target, long? length, Action createMark, Func<ValueTask<long>> write, Action removeMark)
    {
        createMark();
        if (length is { } wanted)
        {
            target.SetLength(wanted);
        }

        long written = await write().ConfigureAwait(false);
        target.Flush();
        removeMark();
        return written;
    }
}
