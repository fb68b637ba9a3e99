using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Clouds;
using CloudImage.Sdk.Disks;

namespace CloudImage.Cli;

/// <summary>A temporary raw file that takes content from a pipe of unknown length; gone when disposed.</summary>
internal sealed class SpoolFile : IDisposable
{
    private const int BlockLength = 1 << 20;

    private SpoolFile(string path) => Path = path;

    public string Path { get; }

    /// <summary>Takes everything that a source has; ranges of zeros stay holes.</summary>
    public static async Task<SpoolFile> FillAsync(SequentialDiskSource source, string destination, CancellationToken cancellationToken)
    {
        string folder = destination == Destinations.StandardOutput || CloudDisks.IsAddress(destination)
            ? System.IO.Path.GetTempPath()
            : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(destination))!;
        SpoolFile spool = new(System.IO.Path.Combine(folder, $".cloudimage-{Environment.ProcessId}-{Guid.NewGuid():N}.spool"));
        try
        {
            await using FileStream file = new(spool.Path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
            byte[] buffer = new byte[BlockLength];
            long end = 0;
            while (await source.ReadNextAsync(buffer, cancellationToken) is { Length: > 0 } extent)
            {
                end = extent.End;
                if (extent.Kind == DiskExtentKind.Data)
                {
                    await RandomAccess.WriteAsync(file.SafeFileHandle, buffer.AsMemory(0, (int)extent.Length), extent.Offset, cancellationToken);
                }
            }

            RandomAccess.SetLength(file.SafeFileHandle, end);
            return spool;
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    public void Dispose() => File.Delete(Path);
}
