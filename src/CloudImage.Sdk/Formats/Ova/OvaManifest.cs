using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Reads and writes manifests: lines of the form "SHA256(name)= hex" (DSP0243, section 5.1).</summary>
internal static class OvaManifest
{
    public static List<OvaManifestEntry> Parse(ReadOnlySpan<byte> text, long fileOffset, DiskReadLimits limits)
    {
        List<OvaManifestEntry> entries = [];
        int lineNumber = 0;
        foreach (ReadOnlySpan<char> line in Encoding.UTF8.GetString(text).AsSpan().EnumerateLines())
        {
            lineNumber++;
            ReadOnlySpan<char> trimmed = line.Trim();
            if (trimmed.IsEmpty)
            {
                continue;
            }

            if (entries.Count >= limits.MaxListEntries)
            {
                throw new DiskFormatException(OvaConstants.Name, fileOffset, $"The manifest has more than {limits.MaxListEntries} lines (DiskReadLimits.MaxListEntries).");
            }

            entries.Add(ParseLine(trimmed) ?? throw new DiskFormatException(
                OvaConstants.Name, fileOffset, $"Line {lineNumber} of the manifest is not of the form 'SHA256(name)= digest' with SHA1, SHA256 or SHA512."));
        }

        return entries;
    }

    public static string Line(string fileName, ReadOnlySpan<byte> sha256) => $"SHA256({fileName})= {Convert.ToHexStringLower(sha256)}\n";

    /// <summary>A hash of a manifest's kind. SHA-1 is what old packages have: it finds damage, not forgery.</summary>
    public static IncrementalHash CreateHash(string algorithm) => IncrementalHash.CreateHash(algorithm switch
    {
        "SHA1" => HashAlgorithmName.SHA1,
        "SHA256" => HashAlgorithmName.SHA256,
        _ => HashAlgorithmName.SHA512,
    });

    private static OvaManifestEntry? ParseLine(ReadOnlySpan<char> line)
    {
        int open = line.IndexOf('(');
        int close = line.LastIndexOf(')');
        if (open <= 0 || close <= open + 1)
        {
            return null;
        }

        string? algorithm = line[..open].Trim().ToString().ToUpperInvariant() switch
        {
            "SHA1" or "SHA-1" => "SHA1",
            "SHA256" or "SHA-256" => "SHA256",
            "SHA512" or "SHA-512" => "SHA512",
            _ => null,
        };
        ReadOnlySpan<char> rest = line[(close + 1)..].TrimStart();
        if (algorithm is null || !rest.StartsWith("="))
        {
            return null;
        }

        ReadOnlySpan<char> hex = rest[1..].Trim();
        byte[] digest = new byte[algorithm switch { "SHA1" => 20, "SHA256" => 32, _ => 64 }];
        bool isValid = hex.Length == 2 * digest.Length
            && Convert.FromHexString(hex, digest, out _, out int written) == System.Buffers.OperationStatus.Done && written == digest.Length;
        return isValid ? new OvaManifestEntry(line[(open + 1)..close].Trim().ToString(), algorithm, digest) : null;
    }
}
