using System;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The names of extent files. Whatever a resolver allows, a name that leaves its folder or is a device is refused here.</summary>
internal static class VmdkExtentName
{
    /// <summary>Refuses names that no honest image bears.</summary>
    /// <exception cref="DiskReferenceException">The name is empty, a device, or climbs out of its folder.</exception>
    public static void Check(DiskReference reference, long fileOffset)
    {
        string name = reference.Name;
        string? fault = name.Length == 0 ? "is empty"
            : IsDevice(name) ? "is a device"
            : Climbs(name) ? "climbs out of its folder"
            : name.Contains("://", StringComparison.Ordinal) || name.StartsWith("json:", StringComparison.OrdinalIgnoreCase) ? "is an address"
            : null;
        if (fault is not null)
        {
            throw new DiskReferenceException(reference, $"vmdk, at byte {fileOffset}: the name of the extent file '{VmdkText.Shorten(name)}' {fault}, which is refused.");
        }
    }

    /// <summary>Whether a name is more than a plain file name.</summary>
    public static bool IsOutside(string name) => name.AsSpan().IndexOfAny('/', '\\', ':') >= 0;

    private static bool IsDevice(string name) =>
        name.StartsWith("/dev/", StringComparison.Ordinal) || name.StartsWith("/proc/", StringComparison.Ordinal) || name.StartsWith("/sys/", StringComparison.Ordinal)
        || name.StartsWith(@"\\.\", StringComparison.Ordinal) || name.StartsWith(@"\\?\", StringComparison.Ordinal);

    private static bool Climbs(string name)
    {
        ReadOnlySpan<char> rest = name;
        foreach (Range part in rest.SplitAny('/', '\\'))
        {
            if (rest[part].Trim() is "..")
            {
                return true;
            }
        }

        return false;
    }
}
