using System;
using System.Globalization;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Units of OVF: "byte", "byte * 2^20", "byte*10^6" (DSP0004, annex C), and the words of the versions before 1.0.</summary>
internal static class OvfUnits
{
    /// <summary>Reads a unit; none means bytes.</summary>
    /// <returns>Whether it is a positive number of bytes.</returns>
    public static bool TryParse(string? text, out long unit)
    {
        unit = 1;
        string compact = (text ?? string.Empty).Replace(" ", string.Empty, StringComparison.Ordinal).ToUpperInvariant();
        switch (compact)
        {
            case "" or "BYTE" or "BYTES":
                return true;
            case "KILOBYTES" or "KILOBYTE" or "KB":
                unit = 1L << 10;
                return true;
            case "MEGABYTES" or "MEGABYTE" or "MB":
                unit = 1L << 20;
                return true;
            case "GIGABYTES" or "GIGABYTE" or "GB":
                unit = 1L << 30;
                return true;
            case "TERABYTES" or "TERABYTE" or "TB":
                unit = 1L << 40;
                return true;
            default:
                return TryParseProduct(compact, out unit);
        }
    }

    private static bool TryParseProduct(string compact, out long unit)
    {
        unit = 1;
        string[] factors = compact.Split('*');
        if (factors[0] is not ("BYTE" or "BYTES") || factors.Length > 4)
        {
            return false;
        }

        foreach (string factor in factors.AsSpan(1))
        {
            string[] parts = factor.Split('^');
            int exponent = 1;
            if (parts.Length > 2
                || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long number) || number == 0
                || (parts.Length == 2 && (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out exponent) || exponent > 62)))
            {
                return false;
            }

            for (; exponent > 0; exponent--)
            {
                if (unit > (1L << 62) / number)
                {
                    return false;
                }

                unit *= number;
            }
        }

        return true;
    }
}
