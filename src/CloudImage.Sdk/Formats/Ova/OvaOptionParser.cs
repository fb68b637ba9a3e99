using System;
using System.Collections.Generic;
using System.Globalization;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Makes options from named settings, and checks them.</summary>
internal static class OvaOptionParser
{
    public static OvaOptions Parse(IReadOnlyDictionary<string, string> settings)
    {
        OvaOptions standard = new();
        foreach (string name in settings.Keys)
        {
            if (name is not ("name" or "hwversion" or "cpus" or "memory" or "ostype" or "osid" or "firmware" or "scsi" or "nic" or "maxspool"))
            {
                throw new ArgumentException($"The format ova has no option '{name}'. It has name, hwversion (4 to 99), cpus, memory (MiB), ostype (VMware's name), osid (CIM's number), firmware (bios, efi), scsi (lsilogic, lsilogicsas, VirtualSCSI), nic (VmxNet3, E1000, E1000e, none) and maxspool (bytes).", nameof(settings));
            }
        }

        string? nic = settings.GetValueOrDefault("nic");
        OvaOptions options = new()
        {
            Name = settings.GetValueOrDefault("name"),
            HardwareVersion = (int)Number(settings, "hwversion", standard.HardwareVersion, int.MaxValue),
            ProcessorCount = (int)Number(settings, "cpus", standard.ProcessorCount, int.MaxValue),
            MemoryInMebibytes = (int)Number(settings, "memory", standard.MemoryInMebibytes, int.MaxValue),
            OperatingSystem = settings.GetValueOrDefault("ostype") ?? standard.OperatingSystem,
            OperatingSystemId = (int)Number(settings, "osid", standard.OperatingSystemId, int.MaxValue),
            Firmware = settings.GetValueOrDefault("firmware") ?? standard.Firmware,
            ScsiController = settings.GetValueOrDefault("scsi") ?? standard.ScsiController,
            NetworkAdapter = nic == "none" ? null : nic ?? standard.NetworkAdapter,
            MaxSpoolLength = Number(settings, "maxspool", standard.MaxSpoolLength, long.MaxValue),
        };
        Validate(options);
        return options;
    }

    public static void Validate(OvaOptions options)
    {
        Require(options.HardwareVersion is >= 4 and <= 99, "HardwareVersion", "from 4 to 99");
        Require(options.ProcessorCount is >= 1 and <= 1024, "ProcessorCount", "from 1 to 1024");
        Require(options.MemoryInMebibytes is >= 4 and <= 64 << 20, "MemoryInMebibytes", "from 4 to 67108864");
        Require(options.OperatingSystemId is >= 0 and <= 65535, "OperatingSystemId", "from 0 to 65535");
        Require(options.Firmware is "bios" or "efi", "Firmware", "bios or efi");
        Require(options.ScsiController is "lsilogic" or "lsilogicsas" or "VirtualSCSI", "ScsiController", "lsilogic, lsilogicsas or VirtualSCSI");
        Require(options.NetworkAdapter is null or "VmxNet3" or "E1000" or "E1000e", "NetworkAdapter", "VmxNet3, E1000, E1000e or none");
        Require(options.MaxSpoolLength >= 0, "MaxSpoolLength", "not negative");
        Require(IsText(options.OperatingSystem), "OperatingSystem", "a text without control characters");
        Require(options.Name is null || IsText(options.Name), "Name", "a text without control characters");
    }

    private static bool IsText(string text) =>
        text.Length is > 0 and <= 256 && !text.AsSpan().ContainsAnyInRange('\0', '\u001f') && !text.AsSpan().ContainsAnyInRange('\ud800', '\uffff');

    private static void Require(bool isValid, string name, string expected)
    {
        if (!isValid)
        {
            throw new ArgumentException($"The option {name} of the format ova is {expected}.", name);
        }
    }

    private static long Number(IReadOnlyDictionary<string, string> settings, string name, long standard, long max)
    {
        if (!settings.TryGetValue(name, out string? text))
        {
            return standard;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= max
            ? number
            : throw new ArgumentException($"The option {name}={text} of the format ova is not a number that fits.", nameof(settings));
    }
}
