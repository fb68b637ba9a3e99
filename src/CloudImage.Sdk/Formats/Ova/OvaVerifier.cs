using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Compares the files of a package with the digests of its manifest.</summary>
internal static class OvaVerifier
{
    private const int BufferLength = 1 << 20;

    public static async ValueTask<IReadOnlyList<DiskProblem>> VerifyAsync(OvaPackage package, IoMode mode, CancellationToken cancellationToken)
    {
        if (package.Manifest.Count == 0)
        {
            return [new DiskProblem(DiskProblemKind.Warning, 0, "The package has no manifest, so that its files cannot be verified.")];
        }

        List<DiskProblem> problems = [];
        foreach (OvaManifestEntry entry in package.Manifest)
        {
            if (package.Members.Find(entry.FileName) is not { } member)
            {
                problems.Add(new DiskProblem(DiskProblemKind.Corruption, 0, $"The manifest lists '{entry.FileName}', which is not in the package."));
                continue;
            }

            using VirtualDisk file = package.Slice(member);
            byte[] digest = await DigestAsync(file, entry.Algorithm, mode, cancellationToken).ConfigureAwait(false);
            if (!digest.AsSpan().SequenceEqual(entry.Digest.Span))
            {
                problems.Add(new DiskProblem(DiskProblemKind.Corruption, member.DataOffset, Difference(entry, digest)));
            }
        }

        HashSet<string> listed = [.. package.Manifest.Select(static entry => entry.FileName)];
        foreach (TarMember member in package.Members.InOrder)
        {
            bool isExempt = member.Name.EndsWith(OvaConstants.ManifestExtension, StringComparison.OrdinalIgnoreCase)
                || member.Name.EndsWith(OvaConstants.CertificateExtension, StringComparison.OrdinalIgnoreCase);
            if (!isExempt && !listed.Contains(member.Name))
            {
                problems.Add(new DiskProblem(DiskProblemKind.Corruption, member.HeaderOffset, $"The manifest has no digest of '{member.Name}'; it must list every file (DSP0243, section 5.1)."));
            }
        }

        return problems;
    }

    /// <summary>Refuses a descriptor that is not the one that the manifest means.</summary>
    public static void ThrowIfOther(List<OvaManifestEntry> manifest, TarMember member, ReadOnlySpan<byte> content)
    {
        foreach (OvaManifestEntry entry in manifest)
        {
            if (entry.FileName == member.Name)
            {
                using IncrementalHash hash = OvaManifest.CreateHash(entry.Algorithm);
                hash.AppendData(content);
                ThrowIfOther(entry, hash.GetHashAndReset(), member.DataOffset);
            }
        }
    }

    /// <summary>Refuses content whose digest is not the one of the manifest.</summary>
    public static void ThrowIfOther(OvaManifestEntry entry, ReadOnlySpan<byte> digest, long fileOffset)
    {
        if (!digest.SequenceEqual(entry.Digest.Span))
        {
            throw new DiskFormatException(OvaConstants.Name, fileOffset, Difference(entry, digest));
        }
    }

    private static string Difference(OvaManifestEntry entry, ReadOnlySpan<byte> digest) =>
        $"The {entry.Algorithm} digest of '{entry.FileName}' is {Convert.ToHexStringLower(digest)}; the manifest has {Convert.ToHexStringLower(entry.Digest.Span)}.";

    private static async ValueTask<byte[]> DigestAsync(VirtualDisk file, string algorithm, IoMode mode, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = OvaManifest.CreateHash(algorithm);
        byte[] rented = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            for (long offset = 0; offset < file.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = await file.ReadAsync(rented.AsMemory(0, BufferLength), offset, mode, cancellationToken).ConfigureAwait(false);
                hash.AppendData(rented, 0, count);
                offset += count;
            }

            return hash.GetHashAndReset();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
