using System;
using System.Security.Cryptography;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>The SHA-256 of a disk's whole content, read where its map says that there is data.</summary>
public static class ContentHash
{
    /// <summary>Hashes a disk from its first byte to its last.</summary>
    public static string Of(VirtualDisk disk)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] zeroes = new byte[1 << 20];
        byte[] buffer = new byte[1 << 20];
        foreach (DiskExtent extent in disk.GetExtents(0, disk.Length))
        {
            for (long offset = extent.Offset; offset < extent.End;)
            {
                int count = (int)Math.Min(buffer.Length, extent.End - offset);
                if (extent.Kind == DiskExtentKind.Data)
                {
                    disk.Read(buffer.AsSpan(0, count), offset);
                }

                hash.AppendData(extent.Kind == DiskExtentKind.Data ? buffer : zeroes, 0, count);
                offset += count;
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
