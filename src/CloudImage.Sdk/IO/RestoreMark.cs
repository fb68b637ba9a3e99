using System.IO;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>The file beside a target that is being overwritten in place: while it exists, the target is a mixture and is refused.</summary>
internal static class RestoreMark
{
    public const string Extension = ".cloudimage-restoring";

    /// <summary>Creates the mark, or takes the one that a restore left that was cut off. Durable when it returns.</summary>
    public static void Create(string path, string text)
    {
        using (SafeFileHandle file = File.OpenHandle(NameOf(path), FileMode.Create, FileAccess.Write, FileShare.None))
        {
            RandomAccess.Write(file, Encoding.UTF8.GetBytes(text), 0);
            RandomAccess.FlushToDisk(file);
        }

        SyncFolder(path);
    }

    /// <summary>Whether there is a mark with a certain text: the very work was cut off, and may go on.</summary>
    public static bool IsPresent(string path, string text)
    {
        string name = NameOf(path);
        return File.Exists(name) && File.ReadAllText(name) == text;
    }

    /// <summary>Removes the mark. Durable when it returns.</summary>
    public static void Remove(string path)
    {
        File.Delete(NameOf(path));
        SyncFolder(path);
    }

    /// <summary>Refuses a target whose restore was cut off.</summary>
    /// <exception cref="CloudImageException">There is a mark.</exception>
    public static void ThrowIfPresent(string path)
    {
        if (File.Exists(NameOf(path)))
        {
            throw new CloudImageException($"A restore in place of '{path}' was cut off, and the file is a mixture: run the restore again. '{NameOf(path)}' says of which snapshot.");
        }
    }

    private static string NameOf(string path) => Path.GetFullPath(path) + Extension;

    private static void SyncFolder(string path)
    {
        if (!System.OperatingSystem.IsWindows())
        {
            PosixFiles.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
    }
}
