using System;
using System.IO;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Clouds;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Cli;

/// <summary>Opens what the command line names as a source: a file, a block device, a URL, an EBS snapshot, standard input.</summary>
internal static class Sources
{
    public const string StandardInput = "-";

    private static readonly Lazy<HttpClient> s_client = new(static () => new HttpClient());

    /// <summary>How to open a source; names of other files are looked for in its own folder, unless switched off.</summary>
    public static DiskOpenOptions Options(
        string? from,
        bool noReferences,
        string source,
        string? internalSnapshot = null,
        string? diskName = null,
        string? passphrase = null,
        bool force = false) => new()
        {
            Format = from is null ? null : FormatChoice.Named(from),
            References = noReferences || source == StandardInput || IsUrl(source) || EbsSnapshots.IsAddress(source) || CloudDisks.IsAddress(source) ? null : DirectoryReferenceResolver.Beside(source),
            InternalSnapshot = internalSnapshot,
            DiskName = diskName,
            Passphrase = passphrase is null ? null : Secrets.ReadText(passphrase),
            IgnoreLocks = force,
        };

    public static async ValueTask<VirtualDisk> OpenAsync(string source, DiskOpenOptions options, CancellationToken cancellationToken) =>
        EbsSnapshots.IsAddress(source) ? await EbsSnapshots.OpenAsync(source, cancellationToken)
            : CloudDisks.IsAddress(source) ? await CloudDisks.OpenAsync(source, options, cancellationToken)
            : IsUrl(source) ? await DiskImage.OpenAsync(await OpenContainerAsync(source, options, cancellationToken), options, cancellationToken)
            : await DiskImage.OpenAsync(source, options, cancellationToken);

    public static async ValueTask<VirtualDisk> OpenContainerAsync(string source, DiskOpenOptions options, CancellationToken cancellationToken) =>
        EbsSnapshots.IsAddress(source) ? await EbsSnapshots.OpenAsync(source, cancellationToken)
            : CloudDisks.IsAddress(source) ? await CloudDisks.OpenContainerAsync(source, cancellationToken)
            : IsUrl(source) ? await HttpDisk.OpenAsync(new Uri(source), s_client.Value, HttpDiskOptions.Default, cancellationToken)
            : FileDisk.Open(source, options.IgnoreLocks);

    public static async ValueTask<DiskInspection> InspectAsync(string source, DiskOpenOptions options, CancellationToken cancellationToken)
    {
        await using VirtualDisk container = await OpenContainerAsync(source, options, cancellationToken);
        return await DiskImage.InspectAsync(container, options, cancellationToken);
    }

    /// <summary>The format of a container: the named one, the detected one, or raw.</summary>
    public static DiskFormat Detect(VirtualDisk container, DiskOpenOptions options) =>
        options.Format ?? DiskImage.DetectFormat(container) ?? RawFormat.Instance;

    /// <summary>Standard input as a disk that comes once, in order.</summary>
    public static ValueTask<SequentialDiskSource> OpenStandardInputAsync(DiskOpenOptions options, CancellationToken cancellationToken) =>
        DiskImage.OpenSequentialAsync(StandardInputStream(), options, cancellationToken);

    // A file that the shell redirects has a length, which a pipe has not.
    private static Stream StandardInputStream()
    {
        if (!OperatingSystem.IsWindows())
        {
            FileStream file = new(new SafeFileHandle(0, false), FileAccess.Read, 0);
            if (file.CanSeek)
            {
                return file;
            }
        }

        return Console.OpenStandardInput();
    }

    /// <summary>Bytes that a regular file takes up on its medium; null where that cannot be told.</summary>
    public static long? AllocatedBytes(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using FileDisk file = FileDisk.Open(path, true);
        return BlockMap.Of(file).DataLength;
    }

    /// <summary>Length of a regular file; null for anything else.</summary>
    public static long? FileLength(string path) => File.Exists(path) ? new FileInfo(path).Length : null;

    public static bool IsUrl(string source) =>
        source.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
}
