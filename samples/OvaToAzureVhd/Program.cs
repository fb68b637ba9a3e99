// The disk of an OVA package becomes a VHD that Azure takes: fixed, a whole number of MiB, footer last.
//   dotnet run -c Release --project samples/OvaToAzureVhd                           a small package made here
//   dotnet run -c Release --project samples/OvaToAzureVhd -- SOURCE.ova TARGET.vhd [DISK]
using System;
using System.IO;
using System.Text;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Ova;
using CloudImage.Sdk.Formats.Vhd;

DirectoryInfo? own = args.Length >= 2 ? null : Directory.CreateTempSubdirectory("ova-to-azure-");
try
{
    string source = own is null ? args[0] : MakePackage(Path.Combine(own.FullName, "web.ova"));
    string target = own is null ? args[1] : Path.Combine(own.FullName, "web.vhd");

    using OvaPackage package = OvaPackage.Open(FileDisk.Open(source), DiskOpenOptions.Default);
    Console.WriteLine($"{package.Descriptor.Name}: {package.Descriptor.OperatingSystem}, {package.Descriptor.ProcessorCount} processors, {package.Descriptor.MemoryLength >> 20} MiB, {package.Descriptor.HardwareVersion}");
    for (int index = 0; index < package.Descriptor.Disks.Count; index++)
    {
        Console.WriteLine($"  disk {index}: {package.Descriptor.Disks[index]}");
    }

    // The package may come from anywhere: every file is held against the manifest before its disk is used.
    foreach (DiskProblem problem in package.Verify())
    {
        Console.WriteLine($"  {problem}");
        if (problem.Kind == DiskProblemKind.Corruption)
        {
            return 1;
        }
    }

    using VirtualDisk disk = package.OpenDisk(args.Length > 2 ? args[2] : null);
    using (DiskWriter writer = DiskImage.Create(target, disk.Length, new VhdOptions { Variant = VhdVariant.Fixed }))
    {
        await disk.CopyToAsync(writer, DiskCopyOptions.Default, null);
        await writer.CompleteAsync();
    }

    using VirtualDisk vhd = DiskImage.Open(target);
    Console.WriteLine($"{Path.GetFileName(target)}: {vhd.Info.FormatName} {vhd.Info.Variant}, {vhd.Length} bytes ({vhd.Length % (1 << 20)} beyond whole MiB), file of {new FileInfo(target).Length} bytes");
    if (own is not null)
    {
        byte[] greeting = new byte[5];
        vhd.Read(greeting, 40 << 20);
        Console.WriteLine($"At 40 MiB the VHD says '{Encoding.ASCII.GetString(greeting)}', as the package did.");
        return greeting.AsSpan().SequenceEqual("hello"u8) ? 0 : 1;
    }

    return 0;
}
finally
{
    own?.Delete(true);
}

// A disk of 64 MiB and one sector, so that the length must be rounded, with two places that hold something.
static string MakePackage(string path)
{
    using DiskWriter writer = DiskImage.Create(path, (64 << 20) + 512, new OvaOptions { Name = "web", ProcessorCount = 4 });
    byte[] block = new byte[writer.PreferredBlockSize];
    new Random(1).NextBytes(block);
    writer.Write(block, 0);
    block.AsSpan().Clear();
    "hello"u8.CopyTo(block);
    writer.Write(block, 40 << 20);
    writer.Complete();
    return path;
}
