using System.CommandLine;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.IO;

namespace CloudImage.Cli;

/// <summary>Options that several commands have, each made anew for its command.</summary>
internal static class SharedOptions
{
    public static Option<bool> Json() => new("--json") { Description = "Answer in JSON, for scripts." };

    public static Option<bool> NoReferences() => new("--no-references")
    {
        Description = "Open no other file that the image names. By default plain names of regular files in the image's own folder are opened.",
    };

    public static Option<string?> From() => new("--from") { Description = "Format of the source; detected where it is not given.", HelpName = "FORMAT" };

    public static Option<string?> InternalSnapshot() => new("--internal-snapshot") { Description = "Read this snapshot inside the image instead of its present state (qcow2).", HelpName = "NAME" };

    public static Option<string?> DiskName() => new("--disk") { Description = "The disk to read of an image that holds several (ova): its file name, or its number from 0.", HelpName = "NAME" };

    public static Option<string?> Passphrase() => new("--passphrase") { Description = "Passphrase of an encrypted image: env:NAME or file:PATH.", HelpName = "env:NAME|file:PATH" };

    public static Option<bool> Force() => new("--force") { Description = "Read an image although another process holds it open for writing." };

    public static Option<string?> To() => new("--to") { Description = "Format to write: raw, qcow2, vhd, vhdx, vmdk, vdi, ova or gce. By default what the destination's extension says.", HelpName = "FORMAT" };

    public static Option<string[]> FormatOption() => new("--option", "-o")
    {
        Description = "An option of the format to write, with qemu-img's names and values, such as subformat=streamOptimized.",
        HelpName = "KEY=VALUE",
        AllowMultipleArgumentsPerToken = false,
    };

    public static Option<string?> Compression()
    {
        Option<string?> option = new("--compression") { Description = "How the format to write compresses its clusters (qcow2).", HelpName = "none|zlib|zstd" };
        option.AcceptOnlyFromAmong("none", "zlib", "zstd");
        return option;
    }

    public static Option<string> Durability()
    {
        Option<string> option = new("--durability")
        {
            Description = "flush: what is reported done survives a loss of power. none: left to the operating system, as qemu-img does.",
            DefaultValueFactory = _ => "flush",
            HelpName = "none|flush",
        };
        option.AcceptOnlyFromAmong("none", "flush");
        return option;
    }

    public static Option<string?> Key() => new("--key") { Description = "Key of an encrypted repository. env:NAME: a passphrase. file:PATH: a key file of at least 32 bytes, or a shorter passphrase. cert:PATH: a certificate with its private key (PEM or PKCS#12). argon2:env:NAME, argon2:file:PATH: a passphrase stretched with Argon2id instead of PBKDF2.", HelpName = "env:NAME|file:PATH|cert:PATH|argon2:..." };

    public static Option<string?> SigningKey() => new("--signing-key") { Description = $"Sign what is done with this private key: PEM text with {SigningKeys.Kinds}.", HelpName = "env:NAME|file:PATH" };

    public static Option<string[]> VerifyKeys() => new("--verify-key") { Description = "A public key (PEM file, ECDSA or Ed25519) whose signatures are trusted; may be given several times. What none of them signed is told, with exit code 1.", HelpName = "PATH" };

    public static Option<int> Threads() => new("--threads") { Description = "Threads to work with; 0 takes one for each core.", DefaultValueFactory = _ => 0, HelpName = "N" };

    public static WriteDurability ParseDurability(string text) => text == "none" ? WriteDurability.None : WriteDurability.Flush;

    public static ChunkCodec ParseCodec(string text) => text switch
    {
        "zstd" => ChunkCodec.Zstd,
        "none" => ChunkCodec.Stored,
        _ => ChunkCodec.Lz4,
    };
}
