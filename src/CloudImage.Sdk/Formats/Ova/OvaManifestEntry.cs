using System;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>A digest that the manifest of a package gives for one of its files. Immutable.</summary>
public sealed class OvaManifestEntry
{
    internal OvaManifestEntry(string fileName, string algorithm, byte[] digest)
    {
        FileName = fileName;
        Algorithm = algorithm;
        Digest = digest;
    }

    /// <summary>Name of the file, untrusted.</summary>
    public string FileName { get; }

    /// <summary>Name of the digest: "SHA1", "SHA256" or "SHA512".</summary>
    public string Algorithm { get; }

    /// <summary>The digest that the manifest gives.</summary>
    public ReadOnlyMemory<byte> Digest { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Algorithm}({FileName})= {Convert.ToHexStringLower(Digest.Span)}";
}
