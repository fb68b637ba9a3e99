using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace CloudImage.Sdk.Benchmarks;

/// <summary>The time this thread has run, where the system tells it, so that other programs' turns do not count.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpuTime = 3;

    public static double Seconds
    {
        get
        {
            if (OperatingSystem.IsLinux() && GetTime(ThreadCpuTime, out TimeSpec time) == 0)
            {
                return time.Seconds + (time.Nanoseconds * 1e-9);
            }

            return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeSpec
    {
        public readonly nint Seconds;
        public readonly nint Nanoseconds;
    }
}
