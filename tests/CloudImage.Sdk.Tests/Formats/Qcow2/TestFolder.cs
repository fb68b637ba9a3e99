using System;
using System.IO;
using System.Threading;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>A folder for one test, gone when it ends; in memory where the system has such a place.</summary>
internal sealed class TestFolder : BackingFileResolver, IDisposable
{
    private readonly string _path = Directory.CreateDirectory(Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"cloudimage-qcow2-{Guid.NewGuid():N}")).FullName;

    public string this[string name] => Path.Combine(_path, name);

    public void Dispose() => Directory.Delete(_path, true);

    /// <summary>Opens files that images name by plain names, in this folder alone.</summary>
    protected override ValueTask<VirtualDisk?> ResolveCoreAsync(DiskReference reference, IoMode mode, CancellationToken cancellationToken) =>
        new DirectoryReferenceResolver(_path).ResolveAsync(reference, mode, cancellationToken);
}
