using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.IO.Enumeration;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Storage;

/// <summary>Walks a directory in the ordinal order of the names of its objects, one folder in memory at a time and level.</summary>
/// <remarks>A folder sorts as its name with the '/' that follows, which is not the order of the plain names: "a-b", "a/b", "ab".</remarks>
internal sealed class DirectoryListing
{
    private readonly string _root;
    private readonly string _prefix;
    private readonly string? _startAfter;
    private readonly Stack<Level> _levels = new();
    private string? _nextFolder;

    internal DirectoryListing(string root, string prefix, string? startAfter)
    {
        _root = root;
        _prefix = prefix;
        _startAfter = startAfter;
        _nextFolder = prefix[..(prefix.LastIndexOf('/') + 1)];
    }

    /// <summary>Reads the folder that comes next, or goes back to the one above.</summary>
    /// <returns>Whether there is more.</returns>
    internal async ValueTask<bool> MoveToNextFolderAsync(CancellationToken cancellationToken)
    {
        if (_nextFolder is not null)
        {
            string folder = _nextFolder;
            _nextFolder = null;
            _levels.Push(new Level(await Task.Run(() => ReadFolder(folder), cancellationToken).ConfigureAwait(false)));
            return true;
        }

        while (_levels.Count > 0 && _levels.Peek().IsAtEnd)
        {
            _levels.Pop();
        }

        return _levels.Count > 0;
    }

    /// <summary>Takes the next file of the current folder, unless a folder comes before it.</summary>
    internal bool TryTakeFile([NotNullWhen(true)] out ObjectInfo? info)
    {
        info = null;
        Level level = _levels.Peek();
        if (level.IsAtEnd)
        {
            return false;
        }

        Entry entry = level.Take();
        if (entry.IsFolder)
        {
            _nextFolder = entry.Name;
            return false;
        }

        info = new ObjectInfo(entry.Name, entry.Length, entry.LastModified, default);
        return true;
    }

    private List<Entry> ReadFolder(string folder)
    {
        var entries = new List<Entry>();
        try
        {
            var options = new EnumerationOptions
            {
                AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Device,
                IgnoreInaccessible = false,
                ReturnSpecialDirectories = false,
            };
            var files = new FileSystemEnumerable<Entry>(Path.Join(_root, folder), (ref FileSystemEntry entry) => ToEntry(folder, ref entry), options)
            {
                ShouldIncludePredicate = (ref FileSystemEntry entry) => IsWanted(folder, ref entry),
            };
            entries.AddRange(files);
        }
        catch (DirectoryNotFoundException)
        {
            return entries;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ObjectStoreException($"Listing '{folder}' below '{_root}' failed: {exception.Message}", exception);
        }

        entries.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return entries;
    }

    private static Entry ToEntry(string folder, ref FileSystemEntry entry)
    {
        // The size of a file that was deleted meanwhile is told as zero; whoever reads it finds that it is gone.
        bool isFolder = entry.IsDirectory;
        string name = string.Concat(folder, entry.FileName, isFolder ? "/" : string.Empty);
        return new Entry(name, isFolder, isFolder ? 0 : entry.Length, isFolder ? default : entry.LastWriteTimeUtc);
    }

    private bool IsWanted(string folder, ref FileSystemEntry entry)
    {
        string segment = entry.FileName.ToString();
        if (!ObjectNames.IsValid(segment))
        {
            return false;
        }

        string name = folder + segment;
        if (!entry.IsDirectory)
        {
            return name.StartsWith(_prefix, StringComparison.Ordinal) && (_startAfter is null || string.CompareOrdinal(name, _startAfter) > 0);
        }

        name += "/";
        bool mayHold = name.StartsWith(_prefix, StringComparison.Ordinal) || _prefix.StartsWith(name, StringComparison.Ordinal);
        return mayHold && (_startAfter is null || string.CompareOrdinal(name, _startAfter) > 0 || _startAfter.StartsWith(name, StringComparison.Ordinal));
    }

    private readonly struct Entry(string name, bool isFolder, long length, DateTimeOffset lastModified)
    {
        internal string Name { get; } = name;

        internal bool IsFolder { get; } = isFolder;

        internal long Length { get; } = length;

        internal DateTimeOffset LastModified { get; } = lastModified;
    }

    private sealed class Level(List<Entry> entries)
    {
        private int _index;

        internal bool IsAtEnd => _index == entries.Count;

        internal Entry Take() => entries[_index++];
    }
}
