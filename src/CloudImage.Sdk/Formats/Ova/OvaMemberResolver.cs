using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Finds what a disk of a package names among the files of the same package, and nowhere else.</summary>
internal sealed class OvaMemberResolver : BackingFileResolver
{
    private readonly OvaPackage _package;

    public OvaMemberResolver(OvaPackage package) => _package = package;

    protected override ValueTask<VirtualDisk?> ResolveCoreAsync(DiskReference reference, IoMode mode, CancellationToken cancellationToken)
    {
        TarMember? member = _package.Members.Find(reference.Name);
        foreach (string name in reference.AlternativeNames)
        {
            member ??= _package.Members.Find(name);
        }

        return ValueTask.FromResult<VirtualDisk?>(member is null ? null : _package.Slice(member));
    }
}
