using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Checks a package: the archive, the digests of the manifest, and each disk as its own format does.</summary>
internal static class OvaChecker
{
    public static async ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        DiskOpenOptions leavingOpen = new() { LeaveOpen = true, Limits = options.Limits, IsLenient = options.IsLenient, Passphrase = options.Passphrase, LoggerFactory = options.LoggerFactory };
        using OvaPackage package = await OvaPackage.OpenAsync(container, leavingOpen, mode, cancellationToken).ConfigureAwait(false);
        List<DiskProblem> problems = [.. await OvaVerifier.VerifyAsync(package, mode, cancellationToken).ConfigureAwait(false)];
        AddLayout(package, problems);
        long allocated = 0;
        long total = 0;
        long compressed = 0;
        foreach (OvfDisk disk in package.Descriptor.Disks)
        {
            if (disk.File is null)
            {
                continue;
            }

            try
            {
                DiskCheckResult? result = await CheckDiskAsync(package, disk, problems, leavingOpen, mode, cancellationToken).ConfigureAwait(false);
                allocated += result?.AllocatedUnits ?? 0;
                total += result?.TotalUnits ?? 0;
                compressed += result?.CompressedUnits ?? 0;
            }
            catch (CloudImageException exception)
            {
                problems.Add(new DiskProblem(DiskProblemKind.Corruption, (exception as DiskFormatException)?.Offset ?? 0, $"Disk '{disk.Id}': {exception.Message}"));
            }
        }

        bool isTruncated = problems.Count > options.Limits.MaxListEntries;
        return new DiskCheckResult
        {
            Problems = isTruncated ? problems[..options.Limits.MaxListEntries] : problems,
            IsTruncated = isTruncated,
            AllocatedUnits = allocated,
            TotalUnits = total,
            CompressedUnits = compressed,
            ImageEndOffset = container.Length,
        };
    }

    private static void AddLayout(OvaPackage package, List<DiskProblem> problems)
    {
        TarMember first = package.Members.InOrder[0];
        if (!first.Name.EndsWith(OvaConstants.DescriptorExtension, StringComparison.OrdinalIgnoreCase))
        {
            problems.Add(new DiskProblem(DiskProblemKind.Warning, first.HeaderOffset, $"The first file is '{first.Name}'; the standard wants the descriptor there, and importers that read from a pipe need it."));
        }

        if (!package.Members.HasEndMark)
        {
            problems.Add(new DiskProblem(DiskProblemKind.Warning, 0, "The archive ends without its end mark of zeros."));
        }
    }

    private static async ValueTask<DiskCheckResult?> CheckDiskAsync(OvaPackage package, OvfDisk disk, List<DiskProblem> problems, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        using (VirtualDisk opened = await package.OpenDiskAsync(disk.Id, mode, cancellationToken).ConfigureAwait(false))
        {
            if (opened.Length < disk.Capacity)
            {
                problems.Add(new DiskProblem(DiskProblemKind.Corruption, 0, $"Disk '{disk.Id}' has {opened.Length} bytes; the descriptor promises {disk.Capacity}."));
            }
        }

        using VirtualDisk bytes = await package.OpenBytesAsync(disk, mode, cancellationToken).ConfigureAwait(false);
        DiskFormat format = await OvaDiskChoice.DetectAsync(disk, bytes, mode, cancellationToken).ConfigureAwait(false);
        if (!format.CanCheck)
        {
            return null;
        }

        DiskCheckResult result = await format.CheckAsync(bytes, options, mode, cancellationToken).ConfigureAwait(false);
        foreach (DiskProblem problem in result.Problems)
        {
            problems.Add(new DiskProblem(problem.Kind, problem.FileOffset, $"Disk '{disk.Id}' (the place is that in its own file): {problem.Message}"));
        }

        return result;
    }
}
