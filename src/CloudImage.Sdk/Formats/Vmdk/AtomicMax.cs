using System.Threading;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The largest of several numbers, kept without a lock.</summary>
internal static class AtomicMax
{
    public static void Update(ref long target, long value)
    {
        long seen = Interlocked.Read(ref target);
        while (value > seen)
        {
            long previous = Interlocked.CompareExchange(ref target, value, seen);
            if (previous == seen)
            {
                return;
            }

            seen = previous;
        }
    }
}
