using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Reads one range of a blob.</summary>
internal static class PageBlobReading
{
    /// <summary>Fills a buffer of at most 4 MiB.</summary>
    /// <param name="client">What reads.</param>
    /// <param name="name">The blob's name for messages.</param>
    /// <param name="tag">The state that the blob must still have; null for any.</param>
    /// <param name="verifies">Whether the service tells an MD5, which is held against the bytes.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="offset">Position in the blob.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask ReadAsync(PageBlobClient client, string name, ETag? tag, bool verifies, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        string what = $"Reading {buffer.Length} bytes at {offset} of {name}";
        try
        {
            using BlobDownloadStreamingResult result = (await client.DownloadStreamingAsync(new BlobDownloadOptions
            {
                Range = new HttpRange(offset, buffer.Length),
                Conditions = tag is null ? null : new BlobRequestConditions { IfMatch = tag },
                TransferValidation = verifies ? new DownloadTransferValidationOptions { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5, AutoValidateChecksum = true } : null,
            }, cancellationToken).ConfigureAwait(false)).Value;
            int count = await result.Content.ReadAtLeastAsync(buffer, buffer.Length, false, cancellationToken).ConfigureAwait(false);
            if (count < buffer.Length)
            {
                throw new AzureDiskException($"{what} gave {count} bytes. Something on the way may shorten answers; try again.") { IsTransient = true };
            }
        }
        catch (Exception exception) when (AzureDiskFaults.IsFault(exception, cancellationToken))
        {
            throw AzureDiskFaults.Map(exception, what);
        }
        catch (InvalidDataException exception)
        {
            throw new AzureDiskException($"{what} gave other bytes than their checksum says. Something on the way changes them; try again.", exception) { IsTransient = true };
        }
    }
}
