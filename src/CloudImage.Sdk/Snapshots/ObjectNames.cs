using System;
using System.Globalization;
using System.Text;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots;

/// <summary>The names of a repository's objects, as FORMAT.md lists them.</summary>
internal static class ObjectNames
{
    public const string Repository = "repo.json";
    public const string Sessions = "s/";
    public const string DataPacks = "p/";
    public const string TreePacks = "m/";
    public const string Segments = "i/";
    public const string Images = "n/";
    public const string Generations = "g/";
    public const string Reports = "v/";
    public const string Traces = "t/";
    public const string Probes = "x/";
    public const int MaxPackSequence = 0xff_ffff;
    public const int MaxImageNameLength = 128;
    private const string PinPrefix = "pin.";
    private const string ReleasedSuffix = ".released";

    public static string Session(SessionId session) => $"s/{session}/";

    public static string Open(SessionId session) => $"s/{session}/open";

    public static string Owner(SessionId session, int number) => string.Create(CultureInfo.InvariantCulture, $"s/{session}/owner.{number:x4}");

    public static string Prep(SessionId session, int number) => string.Create(CultureInfo.InvariantCulture, $"s/{session}/prep.{number:x4}");

    public static string Fate(SessionId session) => $"s/{session}/fate";

    public static string Retired(SessionId session) => $"s/{session}/retired";

    /// <summary>What the ids of pins that are legal holds begin with; those of readers are hexadecimal.</summary>
    public const string HoldPrefix = "hold-";

    public static string Pin(SessionId session, string id) => $"s/{session}/{PinPrefix}{id}";

    public static string PinReleased(SessionId session, string id) => $"s/{session}/{PinPrefix}{id}{ReleasedSuffix}";

    /// <summary>Takes the id of a pin, or of its release, from the part of a name behind the session.</summary>
    public static bool TryParsePin(string part, out string id, out bool isReleased)
    {
        bool isPin = part.StartsWith(PinPrefix, StringComparison.Ordinal);
        isReleased = isPin && part.EndsWith(ReleasedSuffix, StringComparison.Ordinal);
        id = isPin ? part[PinPrefix.Length..(part.Length - (isReleased ? ReleasedSuffix.Length : 0))] : string.Empty;
        return isPin;
    }

    public static string Origin(SessionId session, SnapshotIdentity identity) => $"s/{session}/{identity.ToPart()}";

    /// <summary>What the part of a signature's name after the session begins with.</summary>
    public const string SignaturePrefix = "signature.";

    public static string Signature(SessionId session, string keyId) => $"s/{session}/{SignaturePrefix}{keyId}";

    public static string TracesOf(SessionId session) => $"{Traces}{session}-";

    public static string Trace(SessionId session, int number) => string.Create(CultureInfo.InvariantCulture, $"{Traces}{session}-{number:x4}");

    /// <summary>Splits <c>t/&lt;sid&gt;-&lt;n&gt;</c>; a number that is none counts as 0.</summary>
    public static bool TryParseTrace(string name, out SessionId session, out int number)
    {
        session = default;
        number = 0;
        if (name.Length <= 3 + SessionId.TextLength || !name.StartsWith(Traces, StringComparison.Ordinal) || name[2 + SessionId.TextLength] != '-'
            || !SessionId.TryParse(name.AsSpan(2, SessionId.TextLength), out session))
        {
            return false;
        }

        _ = int.TryParse(name.AsSpan(3 + SessionId.TextLength), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
        return true;
    }

    public static string Segment(SessionId session, int owner, int sequence) =>
        string.Create(CultureInfo.InvariantCulture, $"i/{session}-{owner:x4}-{sequence:x6}");

    public static string MergedSegment(int level, SessionId session, int sequence) =>
        string.Create(CultureInfo.InvariantCulture, $"i/L{level}/{session}-{sequence:x6}");

    public static string ImagePrefix(string encodedImage) => $"n/{encodedImage}/";

    public static string Image(string encodedImage, long sequence) =>
        string.Create(CultureInfo.InvariantCulture, $"n/{encodedImage}/{sequence:d10}");

    public static string Generation(long number, string part) => string.Create(CultureInfo.InvariantCulture, $"g/{number:d10}/{part}");

    /// <summary>
    /// Percent-encodes the name of an image so that it is a folder of its own on every file system: lower-case ASCII letters, digits,
    /// '-', '_' and inner '.' stand for themselves, unless the whole would name a device on Windows.
    /// </summary>
    /// <exception cref="ArgumentException">The name is empty or its encoded form longer than 128 bytes.</exception>
    public static string EncodeImage(string image)
    {
        ArgumentException.ThrowIfNullOrEmpty(image);
        byte[] units = Encoding.UTF8.GetBytes(image);
        bool isDevice = IsDevice(image);
        StringBuilder encoded = new();
        for (int index = 0; index < units.Length; index++)
        {
            char unit = (char)units[index];
            bool isPlain = char.IsAsciiLetterLower(unit) || char.IsAsciiDigit(unit) || unit is '-' or '_' || (unit == '.' && index > 0 && index < units.Length - 1);
            if (isPlain && !(isDevice && index == 0))
            {
                encoded.Append(unit);
            }
            else
            {
                encoded.Append(CultureInfo.InvariantCulture, $"%{(int)unit:X2}");
            }
        }

        return encoded.Length <= MaxImageNameLength
            ? encoded.ToString()
            : throw new ArgumentException($"The name of an image has at most {MaxImageNameLength} bytes when percent-encoded; '{image}' has {encoded.Length}.", nameof(image));
    }

    // con, prn, aux, nul, com0 to com9 and lpt0 to lpt9, with or without an extension.
    private static bool IsDevice(ReadOnlySpan<char> image)
    {
        int dot = image.IndexOf('.');
        ReadOnlySpan<char> stem = dot < 0 ? image : image[..dot];
        return stem is "con" or "prn" or "aux" or "nul" || (stem.Length == 4 && char.IsAsciiDigit(stem[3]) && stem[..3] is "com" or "lpt");
    }

    /// <summary>Splits <c>s/&lt;sid&gt;/part</c>.</summary>
    public static bool TryParseSession(string name, out SessionId session, out string part)
    {
        part = string.Empty;
        session = default;
        if (name.Length < 3 + SessionId.TextLength + 1 || !name.StartsWith(Sessions, StringComparison.Ordinal)
            || name[2 + SessionId.TextLength] != '/' || !SessionId.TryParse(name.AsSpan(2, SessionId.TextLength), out session))
        {
            return false;
        }

        part = name[(3 + SessionId.TextLength)..];
        return true;
    }

    /// <summary>Splits <c>n/&lt;image&gt;/&lt;seq&gt;</c>.</summary>
    public static bool TryParseImage(string name, out string encodedImage, out long sequence)
    {
        encodedImage = string.Empty;
        sequence = 0;
        int slash = name.LastIndexOf('/');
        if (!name.StartsWith(Images, StringComparison.Ordinal) || slash < 3 || name.Length - slash != 11
            || !long.TryParse(name.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out sequence))
        {
            return false;
        }

        encodedImage = name[2..slash];
        return true;
    }

    /// <summary>Splits <c>g/&lt;k&gt;/part</c>.</summary>
    public static bool TryParseGeneration(string name, out long number, out string part)
    {
        number = 0;
        part = string.Empty;
        if (!name.StartsWith(Generations, StringComparison.Ordinal) || name.Length < 14 || name[12] != '/'
            || !long.TryParse(name.AsSpan(2, 10), NumberStyles.None, CultureInfo.InvariantCulture, out number))
        {
            return false;
        }

        part = name[13..];
        return true;
    }
}
