using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>Checks a GCE image archive: every header, the checksums of the compressed data, and what Compute Engine asks for.</summary>
/// <remarks>Decodes the whole archive: gzip keeps its checksums behind the data.</remarks>
internal static class GceTarChecker
{
    public static async ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        using Stream plain = GzipReader.OpenForward(container);
        TarReader reader = new(plain, GceTarConstants.Name, limits);
        TarMember member = await GceTarHeader.ReadAsync(reader, limits, mode, cancellationToken).ConfigureAwait(false);
        List<DiskProblem> problems = [];
        if (member.Length % GceTarConstants.Gigabyte != 0)
        {
            problems.Add(new DiskProblem(DiskProblemKind.Warning, member.HeaderOffset, $"The disk has {member.Length} bytes, which is no whole number of GiB; Compute Engine refuses it."));
        }

        try
        {
            await DecodeAsync(reader, mode, cancellationToken).ConfigureAwait(false);
            await GceTarHeader.ReadEndAsync(reader, mode, cancellationToken).ConfigureAwait(false);
            await reader.DrainAsync(mode, cancellationToken).ConfigureAwait(false);
            if (!reader.HasEndMark)
            {
                problems.Add(new DiskProblem(DiskProblemKind.Warning, reader.Position, "The archive ends without its end mark of zeros."));
            }
        }
        catch (DiskFormatException exception)
        {
            problems.Add(new DiskProblem(DiskProblemKind.Corruption, exception.Offset ?? reader.Position, exception.Message));
        }

        long units = (member.Length + GceTarConstants.BlockSize - 1) / GceTarConstants.BlockSize;
        long stored = (member.StoredLength + GceTarConstants.BlockSize - 1) / GceTarConstants.BlockSize;
        return new DiskCheckResult { Problems = problems, TotalUnits = units, AllocatedUnits = stored, CompressedUnits = stored, ImageEndOffset = container.Length };
    }

    private static async ValueTask DecodeAsync(TarReader reader, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(256 << 10);
        try
        {
            while (await reader.ReadAsync(rented, mode, cancellationToken).ConfigureAwait(false) > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
